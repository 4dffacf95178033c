"""Context on a thumbnail, applied in place: against independent references, and what it can never do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from restore.networks.bilateral_grid import BilateralGrid, BilateralGridOptions, _average
from restore.networks.thumbnail import whole
from tests.conftest import picture


def network(seed: int = 0, effect: float = 6.0) -> BilateralGrid:
    """Small, and far from the identity that it begins as."""
    torch.manual_seed(seed)
    made = BilateralGrid(thumbnail=32, bins=5, width=8, local=4)
    with torch.no_grad():
        for layer in (made.cells, made.local[-1]):
            layer.weight.mul_(effect)
            layer.bias.mul_(effect)
    return made.eval()


def photo(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(picture(height, width, seed=seed).transpose(2, 0, 1)[None] / np.float32(255))


@pytest.mark.parametrize(("height", "width"), [(64, 96), (75, 33), (32, 32), (51, 200)])
def test_the_thumbnail_is_opencvs_average_of_areas(height: int, width: int) -> None:
    x = photo(height, width)
    small, rows, columns = whole(x, 32)
    expected = cv2.resize(x[0].permute(1, 2, 0).numpy(), (32, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(small[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(rows[0].numpy(), (np.arange(height) + 0.5) / height, rtol=1e-6)
    np.testing.assert_allclose(columns[0].numpy(), (np.arange(width) + 0.5) / width, rtol=1e-6)


def test_a_picture_smaller_than_its_thumbnail_keeps_its_mean() -> None:
    x = photo(20, 6)
    small, _, _ = whole(x, 32)
    torch.testing.assert_close(small.mean((2, 3)), x.mean((2, 3)))
    torch.testing.assert_close(whole(photo(16, 16), 32)[0][..., ::2, ::2], photo(16, 16))


def test_the_slice_is_trilinear_interpolation() -> None:
    """By torch's own sampler of volumes."""
    bins, cells = 5, 4
    made = BilateralGrid(thumbnail=64, bins=bins)
    draw = torch.Generator().manual_seed(0)
    grid = torch.randn(2, 2 * bins, cells, cells, generator=draw)
    looked_up = torch.rand(2, 1, 17, 23, generator=draw)
    rows, columns = torch.rand(2, 17, generator=draw), torch.rand(2, 23, generator=draw)
    gain, color = made._slice(grid, looked_up, rows, columns)
    # In its coordinates -1 and 1 are the outer borders of the first and the last cell.
    depth = (2 * looked_up[:, 0] * (bins - 1) + 1) / bins - 1
    y = (2 * rows - 1)[:, :, None].expand(2, 17, 23)
    x = (2 * columns - 1)[:, None, :].expand(2, 17, 23)
    at = torch.stack((x, y, depth), dim=-1)[:, None]
    volume = grid.view(2, 2, bins, cells, cells)
    expected = F.grid_sample(volume, at, align_corners=False, padding_mode="border")[:, :, 0]
    torch.testing.assert_close(torch.cat((gain, color), dim=1), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_part_is_changed_as_in_the_whole() -> None:
    made, x = network(), photo(120, 90)
    small, rows, columns = whole(x, 32)
    full, halo = made(x), BilateralGridOptions().halo(1)
    part = made(x[..., 40:100, 20:80], small, rows[:, 40:100], columns[:, 20:80])
    torch.testing.assert_close(
        part[..., halo:-halo, halo:-halo], full[..., 40 + halo : 100 - halo, 20 + halo : 80 - halo]
    )
    assert (full - x).abs().mean() > 0.02, "it does something"
    # With a halo smaller than it says, the seams differ.
    less = halo - 1
    assert (part[..., less:-less, less:-less] != full[..., 40 + less : 100 - less, 20 + less : 80 - less]).any()


def test_colors_around_a_pixel_are_averaged_within_the_picture_alone() -> None:
    """At the border nothing is averaged in from outside, where colors would turn gray."""
    x = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    averaged = _average(_average(x, (5, 1)), (1, 5))
    for row, column in ((0, 0), (3, 5), (1, 3)):
        around = x[..., max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        torch.testing.assert_close(averaged[..., row, column], around.mean((2, 3)))


@torch.no_grad()
def test_an_offset_takes_away_added_light() -> None:
    """By cells set by hand: haze of one color over the whole picture is inverted exactly."""
    made, x = BilateralGrid(thumbnail=32, bins=5, width=8, local=4, offset=True), photo(40, 52)
    air = torch.tensor([0.7, 0.8, 0.9])[:, None, None]
    hazy = 0.25 * x + 0.75 * air
    for part in (made.cells, made.local[-1]):
        part.weight.zero_()
        part.bias.zero_()
    made.local[-1].bias[8:] = -1e4  # no color is taken from around
    numbers = made.cells.bias.view(5, 5)
    numbers[0] = 2.0  # times 4
    numbers[2:] = (-3 * air).view(3, 1)
    torch.testing.assert_close(made(hazy), x, atol=1e-5, rtol=1e-5)
    assert BilateralGrid(thumbnail=32, bins=5, width=8, local=4).cells.out_channels == 10


def brightening(shoulder: float | None) -> BilateralGrid:
    """Doubles every value, by cells set by hand."""
    made = BilateralGrid(thumbnail=32, bins=5, width=8, local=4, shoulder=shoulder)
    with torch.no_grad():
        for part in (made.cells, made.local[-1]):
            part.weight.zero_()
            part.bias.zero_()
        made.local[-1].bias[8:] = -1e4  # no color is taken from around
        made.cells.bias[:5] = 1.0
    return made.eval()


@torch.no_grad()
def test_a_shoulder_keeps_the_gradation_of_what_it_brightens() -> None:
    """Twice a ramp of grays: below the shoulder nothing changes, and above it all levels stay apart and below white."""
    ramp = torch.linspace(0, 0.62, 64).expand(1, 3, 32, 64).contiguous()
    plain, curved = (brightening(shoulder)(ramp)[0, 0, 0] for shoulder in (None, 0.8))
    below = plain <= 0.8
    torch.testing.assert_close(curved[below], plain[below])
    above = plain[~below].double().numpy()
    np.testing.assert_allclose(curved[~below], 1 - 0.2 * np.exp(-(above - 0.8) / 0.2), atol=1e-6)
    assert (curved.diff() > 0).all()
    assert plain.max() > 1.2
    assert curved.max() < 254.5 / 255


@torch.no_grad()
def test_a_shoulder_leaves_what_is_white_already() -> None:
    """White stays white, and what a network darkens is not darkened more."""
    x = torch.linspace(0.5, 1, 64).expand(1, 3, 32, 64).contiguous()
    made = brightening(0.8)
    assert (made(x)[..., -1] == 1).all()
    assert (made(x) >= x).all()
    made.cells.bias[:5] = -0.05
    torch.testing.assert_close(made(x), x * 2**-0.05)


@torch.no_grad()
@pytest.mark.parametrize("seed", range(4))
def test_gray_stays_gray_black_stays_black_and_nothing_breaks(seed: int) -> None:
    made = network(seed, effect=20)
    gray = photo(40, 52, seed).mean(1, keepdim=True).expand(1, 3, 40, 52)
    out = made(gray)
    assert (out - out.mean(1, keepdim=True)).abs().max() < 1e-5
    assert (out - gray).abs().mean() > 0.02
    black = torch.zeros(1, 3, 40, 52)
    assert made(black).abs().max() == 0
    assert torch.isfinite(made(torch.ones(1, 3, 40, 52))).all()
    assert (made(photo(40, 52)) > -0.5).all()


@torch.no_grad()
def test_strength_goes_from_the_picture_to_the_result() -> None:
    made, x = network(), torch.cat([photo(32, 40, seed) for seed in range(3)])
    context = whole(x, 32)
    full = made(x)
    out = made(x, *context, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(out[0], x[0])
    torch.testing.assert_close(out[1], (x[1] + full[1]) / 2)
    torch.testing.assert_close(out[2], full[2])


def test_it_begins_as_nearly_the_identity() -> None:
    torch.manual_seed(0)
    x = photo(64, 64)
    assert (BilateralGrid()(x) - x).abs().mean() < 0.05


def test_every_weight_learns() -> None:
    made = network().train()
    made(photo(48, 64)).square().mean().backward()
    silent = [name for name, p in made.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@torch.no_grad()
def test_half_precision_does_not_blur_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 knows 8 bits of a column's place: 0.900 and 0.902 would be one."""
    made, x = network(), photo(32, 2000)
    for parameter in made.local.parameters():
        parameter.zero_()
    ramp = torch.linspace(-1, 1, 2).expand(1, 10, 2, 2)
    monkeypatch.setattr(made, "grid", lambda _: ramp)
    with torch.autocast("cpu", torch.bfloat16):
        half = made(x)
    torch.testing.assert_close(half, made(x), atol=1e-6, rtol=1e-6)
    assert half[0, :, 16].diff(dim=1).abs().max() > 0.1


@torch.no_grad()
def test_the_gate_says_how_much_of_the_change_is_applied() -> None:
    """The same weights with and without: the gate's factor of the change, beside the strength's."""
    plain, x = network(), torch.cat([light * photo(32, 40) for light in (0.05, 0.4, 1.0)])
    gated = BilateralGrid(thumbnail=32, bins=5, width=8, local=4, gate=True)
    gated.load_state_dict(plain.state_dict())
    assert gated.gate is not None
    amount = gated.gate(gated.context(whole(x, 32)[0]))
    assert ((amount > 0.8) & (amount < 1)).all(), "it begins nearly open"
    gated.gate.last.weight.mul_(1e4)
    gated.gate.last.bias.zero_()
    gated.gate.last.bias.sub_(gated.gate.logit(gated.context(whole(x, 32)[0]))[:, 0].mean())
    amount = gated.gate(gated.context(whole(x, 32)[0]))[:, None, None, None]
    assert amount.std() > 0.01
    torch.testing.assert_close(gated(x), x + amount * (plain(x) - x))
    half = gated(x, *whole(x, 32), torch.full((3,), 0.5))
    torch.testing.assert_close(half, x + 0.5 * amount * (plain(x) - x))
    gated.gate.last.weight.zero_()
    gated.gate.last.bias.fill_(-100)
    torch.testing.assert_close(gated(x), x)


def test_every_weight_of_a_gate_learns_and_its_weights_are_kept() -> None:
    torch.manual_seed(0)
    made = BilateralGrid(thumbnail=32, bins=5, width=8, local=4, gate=True)
    made(photo(48, 64)).square().mean().backward()
    assert made.gate is not None
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in made.gate.parameters())
    state = made.state_dict()
    assert [key for key in state if key.startswith("gate.")] == [
        "gate.first.weight",
        "gate.first.bias",
        "gate.last.weight",
        "gate.last.bias",
    ]
    again = BilateralGrid(thumbnail=32, bins=5, width=8, local=4, gate=True)
    again.load_state_dict(state)
    torch.testing.assert_close(again(photo(48, 64)), made(photo(48, 64)))
    del state["gate.last.bias"]
    with pytest.raises(RuntimeError, match=r"gate\.last\.bias"):
        again.load_state_dict(state)
    with pytest.raises(RuntimeError, match="gate"):
        network().load_state_dict(made.state_dict())


def test_its_options_say_what_it_takes() -> None:
    options = BilateralGridOptions()
    assert (options.context(), options.takes_strength(), options.multiple(1)) == (256, True, 2)
    assert sum(p.numel() for p in options.build(1).parameters()) <= 300_000
    assert options.build(1).gate is None
    assert BilateralGridOptions(gate=True).build(1).gate is not None
    assert BilateralGridOptions(shoulder=0.9).build(1).shoulder == 0.9
    with pytest.raises(ValueError, match="less than 1"):
        BilateralGridOptions(shoulder=1.0)
    with pytest.raises(ValueError, match="scale 1, not 2"):
        options.build(2)
    with pytest.raises(ValueError, match="multiple of 16"):
        BilateralGrid(thumbnail=40)
