"""Every architecture of the registry, and the plain one in depth."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from restore.data.folder import list_photos
from restore.data.sources.bicubic import PatchPairs
from restore.errors import MissingExtraError, RestoreError
from restore.networks import basicsr_adapter
from restore.networks.base import LendsFeatures, MakesCodes, ReadsThumbnail, deployed
from restore.networks.basicsr_adapter import basicsr_module
from restore.networks.plain import PlainSR
from restore.networks.registry import NETWORKS
from restore.networks.reparam_conv import ReparamConv
from restore.networks.residual import ResidualSR
from tests.conftest import SAMPLES

SMALL = {
    "plain": {"width": 16, "depth": 2},
    "residual": {"width": 16, "blocks": 2},
    "span": {"width": 16, "blocks": 2},
    "safmn": {"width": 16, "blocks": 2},
    "compact": {"width": 8, "depth": 2},
    "edsr": {"width": 8, "blocks": 2},
    "rcan": {"width": 16, "groups": 2, "blocks": 2, "squeeze": 4},
    "rrdb": {"width": 8, "blocks": 1, "growth": 4},
}
# These enlarge nothing; each has a test file of its own.
APART = {
    "translating",
    "bilateral-grid",
    "illumination",
    "modulated-colour",
    "edits",
    "destyling",
    "maxim",
    "memorynet",
    "nafnet",
    "patch-autoencoder",
    "velocity",
}
# It is built from a file: test_fine_tuned.py.
FROM_FILE = {"spandrel"}
VARIANTS = {"residual, unshuffled": {"width": 16, "blocks": 2, "unshuffle": 2}}
CASES = [(kind, scale) for kind in SMALL for scale in (2, 4)] + [(kind, scale) for kind in VARIANTS for scale in (1, 2)]


def build(kind: str, scale: int) -> tuple[object, nn.Module]:
    torch.manual_seed(0)
    options = NETWORKS[kind.partition(",")[0]](**(SMALL | VARIANTS)[kind])
    return options, options.build(scale)


def test_every_network_is_tested() -> None:
    assert set(SMALL) == set(NETWORKS) - APART - FROM_FILE


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if kind not in FROM_FILE])
def test_what_its_options_say_it_can_do_it_can(kind: str) -> None:
    options = NETWORKS[kind](**SMALL.get(kind, {}))
    network = options.build(2 if kind in SMALL else 1)
    if options.codes():
        assert isinstance(network, MakesCodes)
    if options.taps():
        assert isinstance(network, LendsFeatures)
        assert len(network.channels) == options.taps()
    if "kinds" in type(options).model_fields and options.context():
        assert isinstance(network, ReadsThumbnail)


@pytest.mark.parametrize(("kind", "scale"), CASES)
def test_shape_and_a_training_step(kind: str, scale: int) -> None:
    options, network = build(kind, scale)
    side = 8 * options.multiple(scale)
    out = network(torch.rand(2, 3, side, side + 2 * options.multiple(scale)))
    assert out.shape == (2, 3, side * scale, (side + 2 * options.multiple(scale)) * scale)
    out.square().mean().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize(("kind", "scale"), CASES)
def test_halo_covers_the_gradients_reach(kind: str, scale: int) -> None:
    """Where an output pixel's gradient is not zero is where it looks; tiles need at least that much context."""
    options, network = build(kind, scale)
    network = deployed(network).double().eval()
    halo, multiple = options.halo(scale), options.multiple(scale)
    side = 2 * halo + 5 * multiple
    side += -side % multiple
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    middle = side // 2
    network(x)[..., middle * scale, middle * scale].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 1)) > 0
    rows = torch.nonzero(seen.any(dim=1)).flatten()
    reach = max(middle - int(rows.min()), int(rows.max()) - middle)
    if options.exact_tiles():
        assert reach <= halo
        assert halo <= reach + 2 * multiple, "a halo much too wide wastes time"
    else:
        assert reach > halo, "exact_tiles() says that the network sees the whole picture"


def test_folding_is_exact_in_double() -> None:
    torch.manual_seed(1)
    for inputs, outputs in ((3, 16), (16, 16), (16, 12)):
        conv = ReparamConv(inputs, outputs).double()
        x = torch.rand(2, inputs, 9, 11, dtype=torch.float64)
        torch.testing.assert_close(conv.folded().double()(x), conv(x), rtol=0, atol=1e-6)


def test_folded_kernel_is_the_sum_of_the_branches() -> None:
    """Against the branches run one by one, away from the border where ECB's own padding differs."""
    torch.manual_seed(2)
    conv = ReparamConv(8, 8).double()
    x = torch.rand(1, 8, 12, 12, dtype=torch.float64)
    f = nn.functional
    total = f.conv2d(x, conv.weight, conv.bias) + x[..., 1:-1, 1:-1]
    total = total + f.conv2d(f.conv2d(x, conv.squeeze[:, :, None, None]), conv.expand)
    for scale, mix, edge in zip(conv.edge_scale, conv.edge_mix, conv.edges, strict=True):
        mixed = f.conv2d(x, mix[:, :, None, None])
        total = total + f.conv2d(mixed, (scale[:, None, None] * edge)[:, None], groups=8)
    torch.testing.assert_close(conv(x)[..., 1:-1, 1:-1], total)


@pytest.mark.parametrize("branches", [True, False])
@pytest.mark.parametrize("kind", ["plain", "span"])
def test_deployed_is_the_same_function(kind: str, branches: bool) -> None:
    torch.manual_seed(0)
    network = NETWORKS[kind](**SMALL[kind], branches=branches).build(2).double().eval()
    plain = network.deployed().double()
    x = torch.rand(1, 3, 10, 13, dtype=torch.float64)
    torch.testing.assert_close(plain(x), network(x), rtol=0, atol=1e-6)
    assert not any(isinstance(m, ReparamConv) for m in plain.modules())
    assert not plain.training


@pytest.mark.parametrize(
    ("kind", "options", "scale"),
    [("plain", {}, 3), ("residual", {}, 3), *(("residual", {"unshuffle": 2}, scale) for scale in (1, 2, 3))],
)
def test_without_weights_it_is_nearest_neighbor(kind: str, options: dict[str, int], scale: int) -> None:
    """The anchor: what is learned is only what this lacks."""
    network = NETWORKS[kind](**options).build(scale)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 3, 4, 6)
    torch.testing.assert_close(network(x), nn.functional.interpolate(x, scale_factor=scale, mode="nearest"))


def test_half_precision_does_not_round_the_picture() -> None:
    network = PlainSR(2, 16, 1, branches=False)
    nn.init.zeros_(network.convs[-1].weight)
    nn.init.zeros_(network.convs[-1].bias)
    x = torch.rand(1, 3, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(x)
    torch.testing.assert_close(out[..., ::2, ::2], x, rtol=0, atol=0)


def train_briefly(network: nn.Module, lr: float, steps: int = 60) -> torch.Tensor:
    """A recipe's warm-up in short, x2 on the sample photographs; returns a batch to look at the units with."""
    pairs = PatchPairs(list_photos([SAMPLES]), 2, 16, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    for step in range(steps):
        drawn = [pairs[4 * step + i] for i in range(4)]
        low, high = (torch.stack(side).float() / 255 for side in zip(*drawn, strict=True))
        optimizer.param_groups[0]["lr"] = lr * (step + 1) / steps
        loss = (network(low) - high).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return torch.stack([pairs[i][0] for i in range(64)]).float() / 255


def count_silent(units: torch.Tensor) -> int:
    """Channels (N, C, H, W) that hardly ever answer to anything."""
    return int(((units > 0).float().mean((0, 2, 3)) < 1e-3).sum())


@pytest.mark.parametrize("branches", [True, False])
def test_hidden_units_stay_alive(branches: bool) -> None:
    """A deep network, a brisk learning rate: nearly all units must still answer to something after sixty steps."""
    torch.manual_seed(0)
    network = PlainSR(2, 32, 13, branches)
    features = train_briefly(network, 5e-4)
    silent = 0
    with torch.no_grad():
        for conv in network.convs[:-1]:
            features = torch.relu(conv(features))
            silent += count_silent(features)
    assert silent < 0.15 * 14 * 32


def test_residual_blocks_stay_alive_at_a_high_rate() -> None:
    """Five times the rate that the plain network bears."""
    torch.manual_seed(0)
    network = ResidualSR(2, 32, 6)
    features = network.head(train_briefly(network, 2.5e-3))
    silent = 0
    with torch.no_grad():
        for block in network.blocks:
            silent += count_silent(torch.relu(block.first(features)))
            features = block(features)
    assert silent < 0.15 * 6 * 32


def test_where_basicsr_cannot_be_had_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name="basicsr")

    monkeypatch.setattr(basicsr_adapter, "importlib", SimpleNamespace(import_module=absent))
    # Only the adapter is told of another Python: what it imports meanwhile looks at the real one.
    pretended = SimpleNamespace(modules=sys.modules, version_info=(3, 12, 0))
    monkeypatch.setattr(basicsr_adapter, "sys", pretended)
    with pytest.raises(MissingExtraError, match=r"pip install 'restore\[train\]'"):
        basicsr_module("of_no_such_name")
    pretended.version_info = (3, 13, 0)
    with pytest.raises(RestoreError, match="cannot be installed on Python 3.13 or later.*'residual'"):
        basicsr_module("of_no_such_name")
