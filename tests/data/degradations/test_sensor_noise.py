"""Camera noise has the variance, the color and the correlation that its model says."""

from __future__ import annotations

import numpy as np
import pytest

from restore.data.degradations.jpeg import jpeg
from restore.data.degradations.sensor_noise import SensorNoise, demosaiced, noise_of
from restore.data.sampling import generator
from tests.conftest import picture

PLAIN = {
    "probability": 1,
    "demosaic": 0,
    "smear": (0, 0),
    "matrix": (0, 0),
    "gain": (1, 1),
    "jpeg_probability": 0,
}


def even(value: float, side: int = 200) -> np.ndarray:
    return np.full((side, side, 3), value, np.float32)


def test_nothing_changes_without_noise() -> None:
    image = picture(40, 48).astype(np.float32) / 255
    for changes in ({}, {"demosaic": 1, "smear": (1, 1), "matrix": (0.3, 0.3), "gain": (2, 2)}):
        silent = SensorNoise(**{**PLAIN, **changes, "photons": (0, 0), "electronics": (0, 0)})
        np.testing.assert_allclose(silent(image, generator(0, 0)), image, atol=2e-6)


@pytest.mark.parametrize(("photons", "electronics"), [(0.01, 0.0), (0.0, 0.02), (0.004, 0.01)])
@pytest.mark.parametrize("level", [0.05, 0.3, 0.8])
def test_the_variance_is_that_of_photons_and_electronics(photons: float, electronics: float, level: float) -> None:
    """photons * light + electronics^2, in linear light, in each channel, and without a bias."""
    options = SensorNoise(**PLAIN, photons=(photons, photons), electronics=(electronics, electronics))
    noise = noise_of(even(level), options, generator(1, 0))
    expected = photons * level + electronics**2
    np.testing.assert_allclose(noise.var(axis=(0, 1)), expected, rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), 0, atol=4 * np.sqrt(expected) / 200)


def test_white_balance_amplifies_red_and_blue() -> None:
    """A gain g of a channel with g times fewer photons: g times the variance."""
    options = SensorNoise(**{**PLAIN, "gain": (2, 2)}, photons=(0.01, 0.01), electronics=(0, 0))
    noise = noise_of(even(0.4), options, generator(2, 0))
    np.testing.assert_allclose(noise.var(axis=(0, 1)) / (0.01 * 0.4), [2, 1, 2], rtol=0.03)


def test_the_color_matrix_keeps_gray_and_sets_channels_apart() -> None:
    options = SensorNoise(**{**PLAIN, "matrix": (0.3, 0.3)}, photons=(0.01, 0.01), electronics=(0, 0))
    noise = noise_of(even(0.4), options, generator(3, 0)).reshape(-1, 3)
    matrix = 1.9 * np.eye(3) - 0.3
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(np.cov(noise.T), 0.01 * 0.4 * matrix @ matrix.T, atol=5e-4)


@pytest.mark.parametrize("phase", range(4))
def test_a_mosaic_keeps_what_is_even_and_its_own_pixels(phase: int) -> None:
    np.testing.assert_allclose(demosaiced(even(0.7, 12), phase), 0.7, rtol=1e-6)
    values = generator(4, 0).random((12, 14, 3), np.float32)
    made = demosaiced(values, phase)
    kept = np.isclose(made, values, atol=1e-7)
    assert kept[..., 1].mean() == pytest.approx(1 / 2)
    assert kept[..., 0].mean() == kept[..., 2].mean() == pytest.approx(1 / 4)
    rows, columns = np.nonzero(kept[..., 0])
    assert {(int(r), int(c)) for r, c in zip(rows % 2, columns % 2, strict=True)} == {(phase // 2, phase % 2)}


def test_interpolated_pixels_are_the_mean_of_their_neighbors() -> None:
    values = generator(5, 0).random((8, 8, 3), np.float32)
    made = demosaiced(values, 0)
    red, green, blue = np.moveaxis(values, 2, 0)
    assert made[3, 3, 1] == pytest.approx((green[2, 3] + green[4, 3] + green[3, 2] + green[3, 4]) / 4)
    assert made[3, 4, 0] == pytest.approx((red[2, 4] + red[4, 4]) / 2)
    assert made[3, 3, 0] == pytest.approx((red[2, 2] + red[2, 4] + red[4, 2] + red[4, 4]) / 4)
    assert made[4, 4, 2] == pytest.approx((blue[3, 3] + blue[3, 5] + blue[5, 3] + blue[5, 5]) / 4)


def test_a_mosaic_makes_neighbors_alike() -> None:
    def likeness(demosaic: float) -> float:
        options = SensorNoise(**{**PLAIN, "demosaic": demosaic}, photons=(0.01, 0.01), electronics=(0, 0))
        noise = noise_of(even(0.4), options, generator(6, 0))[..., 0]
        return float(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1])

    assert abs(likeness(0)) < 0.02
    assert likeness(1) > 0.3


def test_jpeg_comes_after_the_noise() -> None:
    loud = {**PLAIN, "photons": (0.02, 0.02), "electronics": (0.01, 0.01)}
    image = picture(48, 64).astype(np.float32) / 255
    raw = SensorNoise(**loud)(image, generator(7, 0))
    packed = SensorNoise(**{**loud, "jpeg_probability": 1, "quality": (70, 70)})(image, generator(7, 0))
    np.testing.assert_array_equal(packed, jpeg(raw, 70))
