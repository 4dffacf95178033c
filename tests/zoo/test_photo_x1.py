"""photo-x1: better than what it is given, and no pattern or tint where there is nothing to mend."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.imaging.decode import read_rgb8
from restore.metrics.checkerboard import checkerboard
from restore.metrics.psnr import psnr
from restore.runtime.model import open_model
from tests.conftest import SAMPLES
from tests.zoo.shipped import assert_flat, files, kind, made_by

FLATS = {"gray": (128, 128, 128), "dark": (30, 30, 30), "blue": (40, 90, 180)}


@pytest.fixture(params=files("photo-x1"), ids=kind, scope="module")
def model(request: pytest.FixtureRequest) -> object:
    return open_model(request.param, "cpu")


@pytest.mark.parametrize("color", FLATS.values(), ids=list(FLATS))
def test_a_flat_color_stays_flat(model: object, color: tuple[int, int, int]) -> None:
    """Within today's four levels, up to the corners; and the squares of 2 x 2 that it works on do not show."""
    assert_flat(model, color)


def test_no_weave_over_a_smooth_sky(model: object) -> None:
    """The four phases of 2 x 2 pixels, averaged over areas of 16 x 16, differ by less than today's bounds in levels."""
    worst, mean = [], []
    for seed in range(4):
        pixels, smooth = sky(np.random.default_rng(seed))
        error = made_by(model, pixels) - smooth
        phases = error.reshape(8, 8, 2, 8, 8, 2, 3).mean((1, 4))
        weave = np.abs(phases - phases.mean((1, 3), keepdims=True))
        worst.append(weave.max())
        mean.append(weave.mean())
    assert np.mean(mean) <= 0.12
    assert max(worst) <= 0.6


def sky(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A gradient between two colors, dithered to uint8, and as it is, (128, 128, 3)."""
    y, x = np.mgrid[:128, :128] / 128
    share = y * draw.uniform(0.3, 1) + x * draw.uniform(-0.5, 0.5)
    share = (share - share.min()) / np.ptp(share)
    one, other = draw.uniform(40, 230, (2, 3))
    smooth = one + (other - one) * share[..., None]
    return np.floor(smooth + draw.random(smooth.shape)).astype(np.uint8), smooth


def test_a_good_photograph_hardly_changes_and_not_at_all_at_strength_0(model: object) -> None:
    for path in photographs():
        pixels = read_rgb8(path)
        assert psnr(made_by(model, pixels), pixels) > 33
        np.testing.assert_array_equal(made_by(model, pixels, strength=0), pixels)


@pytest.mark.parametrize(("quality", "gain"), [(30, 0.05), (60, 0.15)])
def test_jpeg_and_noise_are_taken_off(model: object, quality: int, gain: float) -> None:
    """Within today's gains in dB, which are small where little but blocks is left of the noise."""
    draw = np.random.default_rng(0)
    for path in photographs():
        pixels = read_rgb8(path)
        noisy = np.clip(pixels + draw.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        given = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        assert psnr(made_by(model, np.ascontiguousarray(given)), pixels) > psnr(given, pixels) + gain


def test_a_blurred_photograph_gets_no_checkerboard(model: object) -> None:
    """Within today's level: features of other networks may take such a pattern for sharpness."""
    for path in photographs():
        blurred = cv2.GaussianBlur(read_rgb8(path), (0, 0), 1.5)
        assert checkerboard(made_by(model, blurred)) < 0.47


def photographs() -> list[Path]:
    found = sorted(path for path in SAMPLES.rglob("*") if path.suffix in {".jpg", ".png"})
    assert len(found) >= 3
    return found
