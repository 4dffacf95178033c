"""Losses without a network: each beside a loop of its formula, or another library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from restore.losses.color import color
from restore.losses.color_constancy import color_constancy
from restore.losses.edge import edge, laplacian
from restore.losses.exposure import exposure_control
from restore.losses.frequency import frequency
from restore.losses.illumination_smoothness import illumination_smoothness
from restore.losses.pattern import pattern
from restore.losses.spatial_consistency import spatial_consistency
from restore.losses.total_variation import total_variation
from restore.networks.basicsr_adapter import basicsr_module


def test_frequency_is_numpys(pair) -> None:
    output, target = pair(2, 21, 34, torch.float64)
    spectra = [np.fft.fft2(x.numpy(), norm="ortho") for x in (output, target)]
    difference = spectra[0] - spectra[1]
    expected = (np.abs(difference.real).mean() + np.abs(difference.imag).mean()) / 2
    assert frequency(output, target).item() == pytest.approx(expected, rel=1e-12)


def test_frequency_of_a_constant_offset() -> None:
    """One bin, real, of sqrt(H W) times the offset."""
    x = torch.zeros(1, 3, 8, 32)
    assert frequency(x + 0.25, x).item() == pytest.approx(0.25 * 16 / (8 * 32 * 2))


@pytest.mark.parametrize(("height", "width"), [(9, 12), (8, 13), (1, 2)])
def test_edge_is_mprnets_by_scipy(height, width, pair) -> None:
    from scipy.ndimage import correlate1d

    def blur(x: np.ndarray) -> np.ndarray:
        taps = [0.05, 0.25, 0.4, 0.25, 0.05]
        return correlate1d(correlate1d(x, taps, axis=2, mode="nearest"), taps, axis=3, mode="nearest")

    def reference(x: Tensor) -> np.ndarray:
        picture = x.numpy()
        sparse = np.zeros_like(picture)
        sparse[..., ::2, ::2] = 4 * blur(picture)[..., ::2, ::2]
        return picture - blur(sparse)

    output, target = pair(2, height, width, torch.float64)
    difference = reference(output) - reference(target)
    assert edge(output, target).item() == pytest.approx(np.sqrt(difference**2 + 1e-6).mean(), rel=1e-12)


def test_edge_does_not_see_a_constant_offset() -> None:
    x = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    changed = (laplacian(x + 0.3) - laplacian(x))[..., 4:-4, 4:-4]
    assert changed.abs().max() < 1e-12


def test_total_variation_is_kornias_and_basicsrs(pair) -> None:
    from kornia.losses import total_variation as kornias

    image, _ = pair(2, 20, 31)
    torch.testing.assert_close(total_variation(image), kornias(image, reduction="mean").mean())
    torch.testing.assert_close(total_variation(image), basicsr_module("losses.basic_loss").WeightedTVLoss()(image))


def test_total_variation_of_a_ramp() -> None:
    ramp = torch.arange(10.0).mul(0.1).expand(1, 3, 5, 10)
    assert total_variation(ramp).item() == pytest.approx(0.1)
    assert total_variation(ramp, power=2).item() == pytest.approx(0.01)


def test_color_constancy() -> None:
    means = torch.tensor([[0.2, 0.5, 0.9], [0.3, 0.3, 0.3]])
    noise = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    picture = means[:, :, None, None] + noise - noise.mean((2, 3), keepdim=True)
    expected = (0.3**2 + 0.4**2 + 0.7**2) / 2
    assert color_constancy(picture).item() == pytest.approx(expected, rel=1e-5)


def test_exposure_by_a_loop(pair) -> None:
    picture, _ = pair(2, 37, 50, torch.float64)
    regions = [
        abs(picture[n, :, i : i + 8, j : j + 8].mean().item() - 0.55)
        for n in range(2)
        for i in range(0, 32, 8)
        for j in range(0, 48, 8)
    ]
    assert exposure_control(picture, 0.55, 8).item() == pytest.approx(sum(regions) / len(regions), rel=1e-12)
    with pytest.raises(ValueError, match="no region of 64"):
        exposure_control(picture, region=64)


def test_spatial_consistency_by_a_loop(pair) -> None:
    output, source = pair(2, 14, 21, torch.float64)
    y, s = (
        x[..., :12, :20].numpy().mean(1).reshape(2, 3, 4, 5, 4).mean((2, 4)) for x in (output, source)
    )  # (2, 3, 5): means of 4 x 4
    total = 0.0
    for n in range(2):
        for i in range(3):
            for j in range(5):
                for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                    if 0 <= k < 3 and 0 <= m < 5:
                        total += (abs(y[n, i, j] - y[n, k, m]) - abs(s[n, i, j] - s[n, k, m])) ** 2
    assert spatial_consistency(output, source).item() == pytest.approx(total / 30, rel=1e-12)


def test_spatial_consistency_lets_a_picture_become_brighter(pair) -> None:
    _, source = pair()
    assert spatial_consistency(source + 0.2, source).item() == pytest.approx(0, abs=1e-10)
    with pytest.raises(ValueError, match="no two regions of 4"):
        spatial_consistency(source[..., :7], source[..., :7])
    with pytest.raises(ValueError, match="differ in shape"):
        spatial_consistency(source, source[:1])


def test_color_by_scipy(pair) -> None:
    from scipy.spatial.distance import cosine

    output, target = pair(2, 3, 5, torch.float64)
    colors = [(x + 0.02).permute(0, 2, 3, 1).reshape(-1, 3).numpy() for x in (output, target)]
    expected = np.mean([cosine(a, b) for a, b in zip(*colors, strict=True)])
    assert color(output, target).item() == pytest.approx(expected, rel=1e-12)


def test_color_does_not_see_brightness(pair) -> None:
    """Twice as bright is the same color, but for the little gray that is added."""
    target = pair()[1] / 2
    swapped = target[:, [2, 0, 1]]
    assert color(2 * target, target).item() < 0.01 * color(swapped, target).item()
    black = torch.zeros(1, 3, 4, 4)
    assert color(black, black + 0.001).item() == pytest.approx(0, abs=1e-6)


def test_illumination_smoothness_by_a_loop(pair) -> None:
    output, source = pair(2, 6, 7, torch.float64)
    enhanced, original = (np.log(x.numpy().mean(1) + 0.02) for x in (output, source))
    gain, total = enhanced - original, 0.0
    for n in range(2):
        for i in range(6):
            for j in range(7):
                for k, m in ((i + 1, j), (i, j + 1)):
                    if k < 6 and m < 7:
                        edge_ = abs(original[n, k, m] - original[n, i, j])
                        total += abs(gain[n, k, m] - gain[n, i, j]) * (1 + edge_ / 0.02) ** -1.2
    expected = total / (2 * gain.size)
    assert illumination_smoothness(output, source).item() == pytest.approx(expected, rel=1e-12)


def test_illumination_may_change_at_edges_and_not_on_a_flat() -> None:
    """The same step in the gain costs much on a flat wall and little at its end."""
    gain = torch.ones(1, 3, 16, 16)
    gain[..., 8:] = 2
    flat = torch.full((1, 3, 16, 16), 0.2)
    stepped = torch.where(gain == 2, 0.4, 0.2)
    on_the_wall, at_the_end = (illumination_smoothness(gain * x, x).item() for x in (flat, stepped))
    assert 0 < at_the_end < on_the_wall / 20
    assert illumination_smoothness(2 * flat, flat).item() == pytest.approx(0, abs=1e-7)
    with pytest.raises(ValueError, match="differ in shape"):
        illumination_smoothness(flat, flat[:, :, :8])


def test_pattern_is_a_loop(pair) -> None:
    output, target = pair(2, 13, 18, torch.float64)
    error, total, count = (output - target).numpy(), 0.0, 0
    for picture in error:
        for channel in picture:
            for top, left in np.ndindex(2, 3):  # areas of 2 x 2 squares of 3 x 3 pixels; the last row is left out
                area = channel[6 * top : 6 * top + 6, 6 * left : 6 * left + 6]
                phases = [area[row::3, column::3].mean() for row in range(3) for column in range(3)]
                total += sum(abs(phase - np.mean(phases)) for phase in phases)
                count += 9
    assert pattern(output, target, period=3, cells=2).item() == pytest.approx(total / count, rel=1e-6)


def test_pattern_sees_a_weave_under_grain_and_no_other_error() -> None:
    """A weave of one level, in grain five times as strong: pixel losses grow by 2 %, this one by its amplitude."""
    draw = torch.Generator().manual_seed(0)
    target = 0.5 + 0.02 * torch.randn(1, 3, 64, 64, generator=draw)
    weave = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 32) / 255
    smooth = torch.full_like(target, 0.5)
    clean = pattern(smooth, target)
    assert pattern(smooth + weave, target) > clean + 0.5 / 255
    assert pattern(target + weave, target).item() == pytest.approx(1 / 255, rel=1e-3)
    assert pattern(target + 0.1, target).item() == pytest.approx(0, abs=1e-6)
    ramp = torch.linspace(0, 8 / 255, 64)
    assert pattern(target + ramp, target).item() < 0.1 / 255


def test_pattern_refuses_what_has_no_period() -> None:
    x = torch.zeros(1, 3, 5, 5)
    with pytest.raises(ValueError, match="5 x 5 pixels are smaller than a period of 8"):
        pattern(x, x, period=8)
    with pytest.raises(ValueError, match="differ in shape"):
        pattern(x, x[..., 1:])
