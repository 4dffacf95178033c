"""No fringe of what lay hidden, no alpha that was not there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from restore.imaging.alpha import clamp_alpha, fill_color
from restore.imaging.resize import resize

COLOR = np.array([200, 60, 30])


def _disc(side: int, dtype: type) -> np.ndarray:
    """Alpha of a disc with a soft edge one pixel wide."""
    most = np.iinfo(dtype).max
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.round(np.clip(side / 3 - np.hypot(x, y) + 0.5, 0, 1) * most).astype(dtype)


def _picture(under: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """A disc of one color; what is fully transparent has the color ``under`` (0..255)."""
    alpha = _disc(48, dtype)
    unit = np.iinfo(dtype).max // 255
    pixels = np.where(alpha[..., None] > 0, COLOR, under) * unit
    return pixels.astype(dtype), alpha


def _over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    most = np.iinfo(pixels.dtype).max
    share = alpha[..., None] / most
    return (pixels * share + most * (1 - share)) * 255 / most


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("under", [0, 255])
def test_no_fringe_around_a_disc(under: int, dtype: type) -> None:
    """Enlarged and laid over white it is what enlarging the premultiplied picture gives."""
    pixels, alpha = _picture(under, dtype)
    large_alpha = clamp_alpha(resize(alpha, 2), alpha, 2)
    shown = _over_white(resize(fill_color(pixels, alpha), 2), large_alpha)
    share = resize(alpha / np.iinfo(dtype).max, 2)[..., None]
    premultiplied = resize(pixels * (alpha[..., None] / np.iinfo(dtype).max), 2)
    color = premultiplied / np.where(share > 0.05, share, np.inf)
    wanted = _over_white(color.astype(dtype), large_alpha)
    there = share[..., 0] > 0.05
    assert np.abs(shown - wanted)[there].max() < 4
    assert np.abs(_over_white(resize(pixels, 2), large_alpha) - wanted)[there].max() > 10  # the test can tell a fringe


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_visible_pixels_stay_as_they_are(
    dtype: type, channels: int, height: int, width: int, seed: int, share: float
) -> None:
    draw = np.random.default_rng(seed)
    most = np.iinfo(dtype).max
    pixels = draw.integers(0, most, (height, width, channels), dtype)
    alpha = np.where(draw.random((height, width)) < share, 0, draw.integers(0, most, (height, width), dtype)).astype(
        dtype
    )
    before = pixels.copy()
    filled = fill_color(pixels, alpha)
    assert filled.shape == pixels.shape
    assert filled.dtype == dtype
    visible = alpha > most // 32
    np.testing.assert_array_equal(filled[visible], pixels[visible])
    np.testing.assert_array_equal(pixels, before)
    if visible.any():
        for channel in range(channels):  # nothing that is not between the visible colors, but for rounding
            seen = pixels[..., channel][visible].astype(int)
            slack = most // 100
            assert filled[..., channel].min() >= seen.min() - slack
            assert filled[..., channel].max() <= seen.max() + slack


def test_the_nearest_color_is_spread() -> None:
    """Left half red, right half blue, a transparent frame around: the frame takes each side's color."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    alpha = np.zeros((60, 80), np.uint8)
    alpha[10:50, 10:70] = 255
    pixels[10:50, 10:40, 0] = 220
    pixels[10:50, 40:70, 2] = 220
    filled = fill_color(pixels, alpha).astype(int)
    assert (filled[15:45, :9, 0] > 200).all()
    assert (filled[15:45, 71:, 2] > 200).all()


def test_all_transparent_and_all_opaque() -> None:
    pixels = np.full((5, 7, 3), 9, np.uint8)
    for value in (0, 255):
        np.testing.assert_array_equal(fill_color(pixels, np.full((5, 7), value, np.uint8)), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(value=st.floats(0, 1), scale=st.integers(1, 4), seed=st.integers(0, 9))
def test_constant_alpha_stays_constant(dtype: type, value: float, scale: int, seed: int) -> None:
    most = np.iinfo(dtype).max
    alpha = np.full((6, 9), round(value * most), dtype)
    noise = np.random.default_rng(seed).integers(0, most, (6 * scale, 9 * scale), dtype)
    np.testing.assert_array_equal(clamp_alpha(noise, alpha, scale), np.full_like(noise, alpha[0, 0]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_clear_and_opaque_areas_survive_a_bad_network(dtype: type) -> None:
    most = int(np.iinfo(dtype).max)
    alpha = _disc(48, dtype)
    rough = np.clip(
        resize(alpha, 3).astype(int) + np.random.default_rng(0).integers(-most // 20, most // 20, (144, 144)), 0, most
    )
    clamped = clamp_alpha(rough.astype(dtype), alpha, 3)
    y, x = np.mgrid[:144, :144] - 71.5
    distance = np.hypot(x, y) / 3
    assert (clamped[distance > 48 / 3 + 3] == 0).all()
    assert (clamped[distance < 48 / 3 - 3] == most).all()
    edge = np.abs(distance - 48 / 3) < 0.4
    assert len(np.unique(clamped[edge])) > 50  # the edge itself is the network's


def test_clamped_alpha_does_not_ring() -> None:
    alpha = np.zeros((20, 20), np.uint8)
    alpha[:, 10:] = 200
    ringing = np.asarray(Image.fromarray(alpha).resize((80, 80), Image.Resampling.LANCZOS))
    assert ringing.max() > 200
    assert clamp_alpha(ringing, alpha, 4).max() == 200


@pytest.mark.parametrize(("shape", "dtype"), [((12, 13), np.uint8), ((12, 14), np.uint16)])
def test_what_does_not_belong_together(shape: tuple[int, int], dtype: type) -> None:
    with pytest.raises(ValueError, match="is not 2 times"):
        clamp_alpha(np.zeros(shape, dtype), np.zeros((6, 7), np.uint8), 2)
