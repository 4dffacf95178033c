"""Colors transformed by a code of the picture: parts as the whole, places by square pixels, gradients everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from restore.networks.filter_code import _distribution, _histograms
from restore.networks.modulated_color import ModulatedColor, ModulatedColorOptions, _places
from restore.networks.thumbnail import whole
from tests.networks.test_bilateral_grid import photo


def network(seed: int = 0, effect: float = 8.0, prototypes: bool = False, gate: bool = False) -> ModulatedColor:
    """Small, and far from the identity that it begins as."""
    torch.manual_seed(seed)
    made = ModulatedColor(thumbnail=32, width=8, code=6, hidden=8, kinds=4, prototypes=prototypes, gate=gate)
    with torch.no_grad():
        for layer in (made.last, made.modulation):
            layer.weight.mul_(effect)
            layer.bias.mul_(effect)
    return made.eval()


@torch.no_grad()
def test_any_part_is_changed_as_in_the_whole() -> None:
    made, x = network(), photo(120, 90)
    small, rows, columns = whole(x, 32, "middle")
    full = made(x)
    for top, left, height, width in ((40, 20, 60, 60), (0, 0, 2, 2), (100, 3, 20, 87)):
        rest = slice(top, top + height), slice(left, left + width)
        part = made(x[..., rest[0], rest[1]], small, rows[:, rest[0]], columns[:, rest[1]])
        torch.testing.assert_close(part, full[..., rest[0], rest[1]], atol=1e-4, rtol=1e-4)
    assert (full - x).abs().mean() > 0.02, "it does something"


@pytest.mark.parametrize(("height", "width"), [(40, 40), (30, 90), (4000, 3000)])
def test_the_distance_is_that_of_square_pixels(height: int, width: int) -> None:
    rows, columns = ((torch.arange(n) + 0.5)[None] / n for n in (height, width))
    cut = slice(height // 3, height // 3 + 7), slice(width // 4, width // 4 + 9)
    across, down, distance = _places(rows[:, cut[0]], columns[:, cut[1]])[0].numpy()
    y, x = np.mgrid[:height, :width]
    y, x = y[cut] + 0.5 - height / 2, x[cut] + 0.5 - width / 2
    expected = (x**2 + y**2) / (height**2 + width**2) * 4
    np.testing.assert_allclose(distance, expected, atol=2e-3)
    half = np.hypot(height, width) / 2
    np.testing.assert_allclose(across, x / half, atol=1e-3)
    np.testing.assert_allclose(down, y / half, atol=1e-3)


@torch.no_grad()
def test_the_histograms_are_numpys_where_no_pixel_lies_between_two_bins() -> None:
    values = np.random.default_rng(0).integers(0, 64, (2, 3, 24, 24))
    found = _histograms(torch.from_numpy(values / 63).float()).reshape(2, 3, 64).numpy()
    for picture, channels in zip(values, found, strict=True):
        for channel, shares in zip(picture, channels, strict=True):
            np.testing.assert_allclose(shares, np.bincount(channel.ravel(), minlength=64) / 24**2 * 64, atol=1e-3)
    between = _histograms(torch.full((1, 3, 8, 8), 10.25 / 63))[0, :64]
    np.testing.assert_allclose(between[9:13], [0, 48, 16, 0], atol=1e-3)


def test_counting_and_comparing_give_the_same_histograms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one is fast, the other is exported; the gradients are the same too, but at the bins' centers."""
    values = torch.rand((2, 9, 16, 16), generator=torch.Generator().manual_seed(0))
    values[0, 0, 0, :4] = torch.tensor([0.0, 1.0, 0.5, 1e-9])
    counted, compared = (values.clone().requires_grad_() for _ in range(2))
    one = _histograms(counted)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    other = _histograms(compared)
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    wanted = torch.randn(one.shape, generator=torch.Generator().manual_seed(1))
    for result in (one, other):
        (result * wanted).sum().backward()
    inside = ((values * 63) % 1 > 1e-3) & ((values * 63) % 1 < 1 - 1e-3)
    assert counted.grad is not None
    assert compared.grad is not None
    assert counted.grad[inside].abs().mean() > 0.1
    torch.testing.assert_close(counted.grad[inside], compared.grad[inside], atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_areas_are_pooled_as_by_pooling() -> None:
    """By rows and then by columns, which is faster; whatever the layout in memory."""
    x = photo(256, 256).contiguous(memory_format=torch.channels_last)
    maps = torch.cat((F.avg_pool2d(x, 8), F.max_pool2d(x, 8), -F.max_pool2d(-x, 8)), dim=1)
    extremes = 4 * torch.cat((x.amax((2, 3)), x.amin((2, 3))), dim=1) - 2
    found = _distribution(x, F.avg_pool2d(x, 4))
    torch.testing.assert_close(found, torch.cat((torch.log1p(_histograms(maps)), extremes), dim=1))


@torch.no_grad()
def test_one_bright_pixel_in_a_thousand_is_seen() -> None:
    """What a filter does to white shows where white is, however little there is of it."""
    dark = torch.full((1, 3, 256, 256), 0.2)
    spot = dark.clone()
    spot[..., 100, 37] = 0.9
    before, after = (_distribution(picture, F.avg_pool2d(picture, 4)) for picture in (dark, spot))
    assert (after - before).abs().max() > 0.5
    torch.testing.assert_close(after[0, -6:-3], torch.full((3,), 4 * 0.9 - 2))


@torch.no_grad()
def test_strength_goes_from_the_picture_to_the_result() -> None:
    made, x = network(), torch.cat([photo(32, 40, seed) for seed in range(3)])
    full = made(x)
    out = made(x, *whole(x, 32, "middle"), torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(out[0], x[0])
    torch.testing.assert_close(out[1], (x[1] + full[1]) / 2)
    torch.testing.assert_close(out[2], full[2])


@torch.no_grad()
def test_a_kind_that_is_believed_in_is_undone_by_a_code_of_its_own() -> None:
    """Between two kinds, by the mean of theirs; without prototypes, by what was measured alone."""
    plain, made, x = network(), network(prototypes=True), photo(40, 40)
    assert made.prototypes is not None
    made.load_state_dict({**made.state_dict(), **plain.state_dict()})
    small = whole(x, 32, "middle")
    measured = plain.codes(small[0])
    for belief in ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]):
        made.kinds.weight.zero_()
        made.kinds.bias.copy_(torch.tensor(belief).log().clamp_min(-100))
        torch.testing.assert_close(made.belief(small[0]), torch.tensor([belief]))
        settled = measured + made.prototypes.weight @ torch.tensor(belief)
        plain.codes = lambda _, to=settled: to
        torch.testing.assert_close(made(x), plain(x))
        plain.codes = lambda _: measured
        assert (made(x) - plain(x)).abs().max() > 0.01
    torch.testing.assert_close(made.codes(small[0]), measured)  # what the losses see


@pytest.mark.parametrize("prototypes", [False, True])
def test_it_begins_as_nearly_the_identity_and_every_weight_learns(prototypes: bool) -> None:
    torch.manual_seed(0)
    x = photo(64, 64)
    fresh = ModulatedColor(kinds=3, prototypes=prototypes)
    made = fresh(x)
    assert (made - x).abs().mean() < 0.1
    (made.square().mean() + fresh.kinds(fresh.codes_of(x)).square().mean()).backward()
    silent = [name for name, p in fresh.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@torch.no_grad()
def test_flat_pictures_give_numbers() -> None:
    for value in (0.0, 0.5, 1.0):
        assert torch.isfinite(network()(torch.full((1, 3, 20, 30), value))).all()


def test_its_options_say_what_it_takes() -> None:
    options = ModulatedColorOptions(kinds=30)
    assert (options.context(), options.takes_strength(), options.minimum(), options.halo(1)) == (256, True, 2, 0)
    assert sum(p.numel() for p in options.build(1).parameters()) <= 500_000
    with pytest.raises(ValueError, match="scale 1, not 2"):
        options.build(2)
    with pytest.raises(ValueError, match="prototypes need kinds above 0"):
        ModulatedColor(prototypes=True)
    for side, multiple in ((40, 16), (96, 64)):
        with pytest.raises(ValueError, match=f"{side} is not a multiple of {multiple}"):
            ModulatedColor(thumbnail=side)


@torch.no_grad()
def test_a_gate_scales_the_change_by_the_picture() -> None:
    torch.manual_seed(0)
    made, x = network(gate=True), torch.cat([photo(32, 40, seed) for seed in range(3)])
    plain = network()
    plain.load_state_dict({name: value for name, value in made.state_dict().items() if not name.startswith("gate")})
    made.gate[2].weight.normal_(0, 5)
    shares = made.opened(made.codes_of(x))
    assert shares.min() < shares.max()
    torch.testing.assert_close(made(x) - x, shares[:, None, None, None] * (plain(x) - x), atol=1e-5, rtol=1e-4)
    made.gate[2].bias.fill_(-50)
    torch.testing.assert_close(made(x), x, atol=1e-6, rtol=0)


def test_a_gate_begins_open_and_learns() -> None:
    torch.manual_seed(0)
    made, x = network(gate=True).train(), photo(32, 32)
    assert made.opened(made.codes_of(x)).item() > 0.9
    made(x).square().mean().backward()
    assert made.gate is not None
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in made.gate[2].parameters())
    with pytest.raises(ValueError, match="no gate"):
        network().opened(torch.zeros(1, 6))
