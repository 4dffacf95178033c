"""NAFNet beside the authors' code, as spandrel has it; trained, exported and used at odd sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from restore.api import load
from restore.networks.nafnet import NafBlock, NafNetOptions
from tests.conftest import picture
from tests.networks.learning import loss_left, silent_weights
from tests.networks.trained_file import trained_file

SMALL = NafNetOptions(width=8, encoder=(1, 2), middle=1, decoder=(2, 1))


def awake(network: nn.Module) -> nn.Module:
    """With weights that no block begins with, so that each does something."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def reach(network: nn.Module, side: int, place: int) -> int:
    """How far from an output pixel the gradient of the input reaches."""
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[..., place, place].sum().backward()
    rows = torch.nonzero((x.grad.abs().sum(dim=(0, 1)) > 0).any(dim=1)).flatten()
    return max(place - int(rows.min()), int(rows.max()) - place)


@pytest.mark.parametrize(
    ("options", "millions"),
    [
        (NafNetOptions(), 17.1),
        (NafNetOptions(width=64), 67.9),
    ],
    ids=["width-32", "width-64"],
)
def test_it_has_as_many_parameters_as_published(options: NafNetOptions, millions: float) -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in options.build(1).parameters())
    assert round(count / 1e6, 1) == millions


@torch.no_grad()
def test_with_the_weights_of_the_authors_network_it_is_the_same() -> None:
    theirs_of = pytest.importorskip("spandrel.architectures.NAFNet").NAFNet
    torch.manual_seed(0)
    theirs = awake(theirs_of(width=8, enc_blk_nums=[1, 2], middle_blk_num=1, dec_blk_nums=[2, 1])).eval()
    names = {
        "intro": "head", "ending": "last", "encoders": "encode", "downs": "down", "middle_blks": "middle",
        "decoders": "decode", "ups.0.0": "up.0", "ups.1.0": "up.1", "norm1": "first", "norm2": "second",
        "conv1": "enter", "conv2": "each", "sca.1": "attend", "conv3": "leave", "conv4": "widen", "conv5": "narrow",
    }  # fmt: skip
    weights: dict[str, Tensor] = {}
    for key, value in theirs.state_dict().items():
        for old, new in names.items():
            key = key.replace(old, new)
        weights[key] = value
    ours = SMALL.build(1).eval()
    ours.load_state_dict(weights)
    x = torch.rand(2, 3, 24, 36)
    expected = theirs(x)
    assert (expected - x).std() > 0.1
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-4)


def test_halo_covers_what_its_convolutions_reach() -> None:
    """With attention that is a constant; the attention itself sees all."""
    torch.manual_seed(0)
    network = awake(SMALL.build(1)).double()
    halo = SMALL.halo(1)
    side = 2 * halo + 16
    side += -side % SMALL.multiple(1)
    assert reach(network, side, side // 2) > halo
    for module in network.modules():
        if isinstance(module, NafBlock):
            nn.init.zeros_(module.attend.weight)
            nn.init.ones_(module.attend.bias)
    assert max(reach(network, side, side // 2 + place) for place in range(4)) == halo


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = awake(SMALL.build(1))
    assert silent_weights(network, torch.rand(2, 3, 16, 24)) == []


def test_it_begins_close_to_its_input_and_learns() -> None:
    torch.manual_seed(0)
    network, x = SMALL.build(1), 0.5 * torch.rand(2, 3, 24, 32)
    assert (network(x) - x).abs().mean() < 0.1
    assert loss_left(network, x, 40) < 0.6


def test_flat_features_stay_finite() -> None:
    network = SMALL.build(1)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    x = torch.zeros(1, 3, 8, 8, requires_grad=True)
    made = network(x)
    made.sum().backward()
    assert made.isfinite().all()
    assert x.grad.isfinite().all()


def test_its_options() -> None:
    with pytest.raises(ValidationError, match="encoder has 2 resolutions, and decoder 1: they need the same number"):
        NafNetOptions(encoder=(1, 1), decoder=(1,))
    with pytest.raises(ValueError, match="does not enlarge"):
        SMALL.build(2)
    assert NafNetOptions().multiple(1) == 16


@pytest.mark.slow
def test_trained_exported_verified_and_used(tmp_path: Path) -> None:
    """By the commands, and at odd sizes."""
    _, file = trained_file(tmp_path, "denoise", "{kind: nafnet, width: 8, encoder: [1, 1], decoder: [1, 1]}", 64)
    model = load(file)
    for size in ((37, 51), (1, 1), (64, 5)):
        pixels = picture(*size)
        assert model(pixels).shape == pixels.shape
