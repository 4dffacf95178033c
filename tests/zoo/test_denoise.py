"""denoise: noise of every kind goes, and what has none stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.model import Model, open_model
from tests.conftest import SAMPLES
from tests.zoo.shipped import assert_flat, files, kind, made_by

FLATS = {"gray": (128, 128, 128), "dark": (30, 30, 30), "blue": (40, 90, 180)}
Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def gaussian(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return pixels + draw.normal(0, 25, pixels.shape)


def photons(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Sixty photons at white, for each channel by itself."""
    return draw.poisson(pixels / 255 * 60) / 60 * 255


def coarse(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Neighbors share a part of it, as after a camera's interpolation of colors."""
    noise = cv2.GaussianBlur(draw.normal(0, 1, pixels.shape), (0, 0), 0.7)
    return pixels + 15 * noise / noise.std()


@pytest.fixture(params=files("denoise"), ids=kind, scope="module")
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(request.param, "cpu")


@pytest.mark.parametrize(("noise", "gain"), [(gaussian, 6.0), (photons, 5.5), (coarse, 4.0)])
def test_noise_goes(model: Model, noise: Noise, gain: float) -> None:
    """By so many dB at least on each sample."""
    draw = np.random.default_rng(0)
    for path in photographs():
        pixels = read_rgb8(path)
        noisy = np.clip(np.rint(noise(pixels, draw)), 0, 255).astype(np.uint8)
        assert psnr(made_by(model, noisy), pixels) > psnr(noisy, pixels) + gain, path.name


def test_a_photograph_without_noise_hardly_changes_and_not_at_all_at_strength_0(model: Model) -> None:
    for path in photographs():
        pixels = read_rgb8(path)
        assert psnr(made_by(model, pixels), pixels) > 33, path.name
        np.testing.assert_array_equal(made_by(model, pixels, strength=0), pixels)


@pytest.mark.parametrize("color", FLATS.values(), ids=list(FLATS))
def test_a_flat_color_stays_flat(model: Model, color: tuple[int, int, int]) -> None:
    """Up to the corners; and the squares of 2 x 2 that it works on do not show."""
    assert_flat(model, color)


def test_noise_shifts_no_color(model: Model) -> None:
    """Gray under noise comes back gray, within a level on average."""
    draw = np.random.default_rng(1)
    noisy = np.clip(np.rint(128 + draw.normal(0, 20, (128, 128, 3))), 0, 255).astype(np.uint8)
    made = made_by(model, noisy)
    assert np.abs(made.mean((0, 1)) - noisy.mean((0, 1))).max() < 1
    assert made.std() < noisy.std() / 5


def photographs() -> list[Path]:
    found = sorted(path for path in SAMPLES.rglob("*") if path.suffix in {".jpg", ".png"})
    assert len(found) >= 3
    return found
