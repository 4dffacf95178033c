"""Every architecture of the registry, and the plain one in depth."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from restore.networks.folded import FoldedConv
from restore.networks.plain import PlainSR
from restore.networks.registry import NETWORKS, deployed

SMALL = {
    "plain": {"width": 16, "depth": 2},
    "compact": {"width": 8, "depth": 2},
    "edsr": {"width": 8, "blocks": 2},
    "rcan": {"width": 16, "groups": 2, "blocks": 2, "squeeze": 4},
    "rrdb": {"width": 8, "blocks": 1, "growth": 4},
}
CASES = [(kind, scale) for kind in NETWORKS for scale in (2, 4)]


def build(kind: str, scale: int) -> tuple[object, nn.Module]:
    torch.manual_seed(0)
    options = NETWORKS[kind](**SMALL[kind])
    return options, options.build(scale)


def test_every_network_is_tested() -> None:
    assert set(SMALL) == set(NETWORKS)


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
        conv = FoldedConv(inputs, outputs).double()
        x = torch.rand(2, inputs, 9, 11, dtype=torch.float64)
        torch.testing.assert_close(conv.folded().double()(x), conv(x), rtol=0, atol=1e-6)


def test_folded_kernel_is_the_sum_of_the_branches() -> None:
    """Against the branches run one by one, away from the border where ECB's own padding differs."""
    torch.manual_seed(2)
    conv = FoldedConv(8, 8).double()
    x = torch.rand(1, 8, 12, 12, dtype=torch.float64)
    f = nn.functional
    total = f.conv2d(x, conv.weight, conv.bias) + x[..., 1:-1, 1:-1]
    total = total + f.conv2d(f.conv2d(x, conv.squeeze[:, :, None, None]), conv.expand)
    for scale, mix, edge in zip(conv.edge_scale, conv.edge_mix, conv.edges, strict=True):
        mixed = f.conv2d(x, mix[:, :, None, None])
        total = total + f.conv2d(mixed, (scale[:, None, None] * edge)[:, None], groups=8)
    torch.testing.assert_close(conv(x)[..., 1:-1, 1:-1], total)


@pytest.mark.parametrize("branches", [True, False])
def test_deployed_is_the_same_function(branches: bool) -> None:
    torch.manual_seed(0)
    network = PlainSR(2, 16, 3, branches=branches).double().eval()
    plain = network.deployed().double()
    x = torch.rand(1, 3, 10, 13, dtype=torch.float64)
    torch.testing.assert_close(plain(x), network(x), rtol=0, atol=1e-6)
    assert not any(isinstance(m, FoldedConv) for m in plain.modules())
    assert not plain.training


def test_plain_without_weights_is_nearest_neighbour() -> None:
    """The anchor: what is learned is only what this lacks."""
    network = PlainSR(3, 16, 1, branches=False)
    nn.init.zeros_(network.convs[-1].weight)
    nn.init.zeros_(network.convs[-1].bias)
    x = torch.rand(1, 3, 5, 6)
    torch.testing.assert_close(network(x), nn.functional.interpolate(x, scale_factor=3, mode="nearest"))


def test_half_precision_does_not_round_the_picture() -> None:
    network = PlainSR(2, 16, 1, branches=False)
    nn.init.zeros_(network.convs[-1].weight)
    nn.init.zeros_(network.convs[-1].bias)
    x = torch.rand(1, 3, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(x)
    torch.testing.assert_close(out[..., ::2, ::2], x, rtol=0, atol=0)


@pytest.mark.parametrize("branches", [True, False])
def test_hidden_units_stay_alive(branches: bool) -> None:
    """A deep network, a brisk learning rate: nearly all units must still answer to something after sixty steps."""
    torch.manual_seed(0)
    network = PlainSR(2, 32, 13, branches)
    optimizer = torch.optim.Adam(network.parameters(), 5e-4)
    low = torch.rand(60, 4, 3, 16, 16)
    low = nn.functional.avg_pool2d(low.flatten(0, 1), 3, 1, 1).unflatten(0, (60, 4))
    for batch in low:
        target = nn.functional.interpolate(batch, scale_factor=2, mode="bicubic")
        loss = (network(batch) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    silent, features = 0, low[0]
    with torch.no_grad():
        for conv in network.convs[:-1]:
            features = torch.relu(conv(features))
            silent += int(((features > 0).float().mean((0, 2, 3)) < 1e-3).sum())
    assert silent < 0.15 * 14 * 32
