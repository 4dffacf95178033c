"""photo-x4-large: clean and crisp, with no pattern where there is nothing to draw, and a faithful end of its strength."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restore.imaging.decode import read_rgb8
from restore.imaging.resize import modcrop, resize
from restore.metrics.psnr import psnr
from restore.runtime.model import open_model
from tests.conftest import SAMPLES
from tests.zoo.shipped import files, kind, made_by

FLATS = {"gray": (128, 128, 128), "dark": (30, 30, 30), "blue": (40, 90, 180)}


@pytest.fixture(params=files("photo-x4-large"), ids=kind, scope="module")
def model(request: pytest.FixtureRequest) -> object:
    return open_model(request.param, "cpu")


def phases(change: np.ndarray) -> np.ndarray:
    """Means of the 4 x 4 phases of the pixel shuffle, (16, 3)."""
    height, width, channels = change.shape
    return change.reshape(height // 4, 4, width // 4, 4, channels).mean((0, 2)).reshape(16, channels)


@pytest.mark.parametrize("color", FLATS.values(), ids=list(FLATS))
def test_a_flat_color_stays_flat(model: object, color: tuple[int, int, int]) -> None:
    """Within today's three levels up to the corners, and two between the phases."""
    change = made_by(model, np.full((48, 48, 3), color, np.uint8)).astype(float) - color
    assert np.abs(change).max() <= 3
    assert np.ptp(phases(change[64:-64, 64:-64]), axis=0).max() <= 2


def test_a_smooth_gradient_has_no_weave(model: object) -> None:
    """The phases of 4 x 4 pixels differ by less than today's bound in levels, on average over the picture."""
    y, x = np.mgrid[:64, :64] / 64
    smooth = 60 + 120 * y[..., None] + np.array([0, 20, 40]) * x[..., None]
    pixels = np.floor(smooth + np.random.default_rng(0).random(smooth.shape)).astype(np.uint8)
    made = made_by(model, pixels).astype(float)
    error = (made - cv2.resize(smooth, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))[32:-32, 32:-32]
    assert np.ptp(phases(error), axis=0).max() <= 1.4


def test_strength_goes_from_faithful_to_crisp(model: object) -> None:
    """On noisy photographs: closer to the original at 0, more detail at 1, and in between at a half."""
    draw = np.random.default_rng(0)
    for path in sorted(path for path in SAMPLES.rglob("*") if path.suffix in {".jpg", ".png"}):
        high = modcrop(read_rgb8(path)[:256, :256], 4)
        low = resize(high, 0.25)
        noisy = np.clip(low + draw.normal(0, 10, low.shape), 0, 255).astype(np.uint8)
        faithful, half, crisp = (made_by(model, noisy, strength=strength) for strength in (0, 0.5, 1))
        assert psnr(faithful, high) > psnr(crisp, high)
        assert psnr(faithful, high) > psnr(np.clip(resize(noisy, 4.0), 0, 255).astype(np.uint8), high)
        assert detail(faithful) < detail(half) < detail(crisp)


def detail(pixels: np.ndarray) -> float:
    """Mean absolute Laplacian."""
    return float(np.abs(cv2.Laplacian(pixels.astype(np.float32), cv2.CV_32F)).mean())
