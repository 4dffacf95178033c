"""Discs of light: their size, their center, and what they do to highlights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from restore.data.degradations.defocus import Defocus, disc_kernel
from restore.data.sampling import generator
from restore.imaging.color.conversions import from_linear, to_linear


@pytest.mark.parametrize("radius", [0.3, 0.5, 0.9, 1.5, 3.2, 8.0])
def test_a_disc_keeps_the_light_and_shifts_nothing(radius: float) -> None:
    kernel = disc_kernel(radius)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1])
    np.testing.assert_allclose(kernel, kernel.T)


@pytest.mark.parametrize("radius", [1.5, 3.2, 8.0])
def test_a_disc_is_uniformly_bright_and_as_large_as_it_should_be(radius: float) -> None:
    kernel = disc_kernel(radius)
    y, x = np.mgrid[: len(kernel), : len(kernel)] - (len(kernel) - 1) / 2
    distance, bright = np.hypot(y, x), 1 / (np.pi * radius**2)
    np.testing.assert_allclose(kernel[distance < radius - np.sqrt(0.5)], bright, rtol=0.01)
    assert (kernel[distance > radius + np.sqrt(0.5)] == 0).all()
    assert np.count_nonzero(kernel) < 1.2 * np.pi * (radius + np.sqrt(0.5)) ** 2


def test_a_radius_within_the_pixel_changes_nothing() -> None:
    image = generator(0, 0).random((12, 14, 3), np.float32)
    np.testing.assert_allclose(Defocus(radius=(0.5, 0.5), highlights=(1, 1))(image, generator(0, 0)), image, atol=1e-5)


def test_light_is_averaged_and_not_its_encoding() -> None:
    image = np.zeros((41, 41, 3), np.float32)
    image[20, 20] = 0.9
    made = Defocus(radius=(3, 3))(image, generator(0, 0))
    assert to_linear(made).sum() == pytest.approx(to_linear(image).sum(), rel=1e-3)
    assert to_linear(made)[20, 20, 0] == pytest.approx(float(to_linear(image)[20, 20, 0]) / (9 * np.pi), rel=0.02)


def test_clipped_highlights_become_brighter_discs() -> None:
    image = np.full((41, 41, 3), 0.1, np.float32)
    image[20, 20] = 1
    plain, bright = (to_linear(Defocus(radius=(3, 3), highlights=(h, h))(image, generator(0, 0))) for h in (1.0, 2.5))
    base = float(to_linear(image)[0, 0, 0])
    assert (bright[20, 20, 0] - base) / (plain[20, 20, 0] - base) == pytest.approx(2.5, rel=0.1)


def test_it_is_as_wide_as_a_gaussian_of_half_its_radius() -> None:
    """Independent of the kernel: on a smooth picture only the second moment counts."""
    y, x = np.mgrid[:80, :80]
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * (x + 0.5 * y) / 40)
    light = np.repeat(wave[..., None], 3, axis=2).astype(np.float32)
    made = to_linear(Defocus(radius=(4, 4), highlights=(1, 1))(from_linear(light), generator(0, 0)))
    wanted = gaussian_filter(light, (np.sqrt(4.0 + 1 / 12), np.sqrt(4.0 + 1 / 12), 0), mode="mirror")
    np.testing.assert_allclose(made[20:60, 20:60], wanted[20:60, 20:60], atol=2e-3)
