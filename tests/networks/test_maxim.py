"""MAXIM: as large as published, mixes what it should, and takes any size, in torch and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from restore.networks.maxim.gating import CrossGating, GatedMLP, Grid, Windows
from restore.networks.maxim.network import Maxim, MaximOptions, _mirrored
from tests.networks.learning import loss_left, silent_weights
from tests.networks.trained_file import trained_file

SMALL = MaximOptions(width=4, groups=1, bottlenecks=1, high=4, low=4, stages=2, scales=2)


def small(options: MaximOptions = SMALL) -> Maxim:
    torch.manual_seed(0)
    network = options.build(1)
    assert isinstance(network, Maxim)
    return network


def picture(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("options", "millions"),
    [
        ({"stages": 1}, 6.108515),
        ({"stages": 2}, 13.353830),
        ({"stages": 3}, 20.599145),
        ({"stages": 1, "width": 64}, 19.361219),
        ({"stages": 2, "width": 64}, 40.839110),
        ({"stages": 3, "width": 64}, 62.317001),
        ({"stages": 2, "scales": 3}, 14.170988),
    ],
    ids=["S-1", "S-2", "S-3", "M-1", "M-2", "M-3", "three scales"],
)
def test_as_large_as_published(options: dict[str, int], millions: float) -> None:
    """By the comments of the released code, and its README for three scales: 14.1 M."""
    with torch.device("meta"):
        network = MaximOptions(**options).build(1)
    assert sum(parameter.numel() for parameter in network.parameters()) == round(millions * 1e6)


@pytest.mark.parametrize("size", [(1, 1), (2, 31), (33, 5), (64, 40)])
def test_any_size_is_taken_and_given_back(size: tuple[int, int]) -> None:
    x = picture(2, 3, *size)
    with torch.no_grad():
        made = small()(x)
    assert made.shape == x.shape
    assert (made - x).abs().mean() < 0.1, "it begins close to its input"


@pytest.mark.parametrize("side", [1, 2, 3, 20, 63, 64, 65])
def test_pictures_are_mirrored_to_the_multiple(side: int) -> None:
    row = torch.arange(side, dtype=torch.float32)
    got = _mirrored(row.view(1, 1, 1, side), 64, 3).flatten().numpy()
    expected = np.pad(row.numpy(), (0, -side % 64), "reflect") if side > 1 else np.zeros(64)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("axis", [Windows(4), Grid(4)], ids=["windows", "grid"])
def test_tokens_go_back_to_their_places(axis: Windows | Grid) -> None:
    x = picture(2, 8, 12, 3)
    tokens = axis.cut(x)
    assert tokens.shape[-2:] == (3, 16)
    torch.testing.assert_close(axis.joined(tokens, x), x, rtol=0, atol=0)


@pytest.mark.parametrize(("kind", "near"), [(Windows, True), (Grid, False)], ids=["windows", "grid"])
def test_a_pixel_reaches_its_window_or_its_places_on_the_grid(kind: type[Windows | Grid], near: bool) -> None:
    torch.manual_seed(0)
    x = picture(1, 16, 24, 3).requires_grad_()
    GatedMLP(3, kind(4))(x)[0, 5, 9].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(dim=2) > 0
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(24), indexing="ij")
    same = (rows // 4 == 1) & (columns // 4 == 2) if near else (rows % 4 == 1) & (columns % 6 == 3)
    assert torch.equal(reached, same)


def test_each_gates_the_other() -> None:
    torch.manual_seed(0)
    x, y = picture(1, 8, 8, 3).requires_grad_(), picture(1, 8, 8, 5, seed=1).requires_grad_()
    for result in CrossGating(3, 5, 4, 4)(x, y):
        assert result.shape == (1, 8, 8, 4)
        found = torch.autograd.grad(result.square().sum(), (x, y), retain_graph=True)
        assert all(gradient.abs().sum() > 0 for gradient in found)


def test_every_weight_learns() -> None:
    """Wide enough that channel attention has hidden units to spare."""
    network = small(SMALL.model_copy(update={"width": 32}))
    assert silent_weights(network, picture(1, 3, 64, 64)) == []


def test_it_learns() -> None:
    """Brightening, in a few steps."""
    network, x = small(MaximOptions(width=4, groups=1, bottlenecks=1, high=4, low=4)), 0.5 * picture(2, 3, 32, 32)
    assert loss_left(network, x, 15) < 0.6


@pytest.mark.slow
def test_trained_exported_verified_and_used(tmp_path: Path) -> None:
    """By the commands, and at odd sizes; the file gives what torch gives."""
    from restore.api import load
    from restore.training.trained_network import load_trained
    from tests.conftest import picture as photo

    run, file = trained_file(
        tmp_path, "maxim-dehaze", "{kind: maxim, width: 4, groups: 1, bottlenecks: 1, high: 4, low: 4}", 32
    )
    network = load_trained(run)[1]
    session = onnxruntime.InferenceSession(str(file))
    for shape in ((1, 3, 1, 1), (2, 3, 33, 50), (1, 3, 64, 31), (1, 3, 5, 130)):
        x = picture(*shape)
        with torch.no_grad():
            expected = network(x).numpy()
        np.testing.assert_allclose(session.run(None, {"input": x.numpy()})[0], expected, atol=2e-4)
    pixels = photo(37, 51)
    assert load(file)(pixels).shape == pixels.shape
