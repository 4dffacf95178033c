"""CIEDE2000 against the 34 published pairs and against skimage."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from restore.imaging.color.conversions import srgb_to_lab
from restore.metrics.ciede2000 import ciede2000, delta_e
from tests.conftest import picture

# Sharma, Wu and Dalal, 2005, table 1: L*, a*, b* of two colors, and their difference.
PAIRS = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def noisy(image: np.ndarray, sigma: float = 9) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_the_published_pairs() -> None:
    first, second, wanted = PAIRS[:, :3], PAIRS[:, 3:6], PAIRS[:, 6]
    np.testing.assert_allclose(delta_e(first, second), wanted, rtol=0, atol=5.1e-5)
    np.testing.assert_allclose(delta_e(second, first), wanted, rtol=0, atol=5.1e-5)


def test_the_difference_is_skimages_everywhere() -> None:
    """All over L*a*b*, with colors near each other and far apart, and grays."""
    draw = np.random.default_rng(1)
    first = draw.uniform([0, -110, -110], [100, 110, 110], (20000, 3))
    second = np.where(draw.random((20000, 1)) < 0.5, first + draw.normal(0, 3, first.shape), np.roll(first, 7, axis=0))
    first[::50, 1:] = 0
    second[::75, 1:] = 0
    np.testing.assert_allclose(delta_e(first, second), deltaE_ciede2000(first, second), rtol=0, atol=1e-9)


def test_lab_of_the_primaries_and_of_gray() -> None:
    """To the rounding of the four digits of IEC's matrix, which skimage has six of."""
    primaries = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [10, 9, 8]], np.uint8)
    np.testing.assert_allclose(srgb_to_lab(primaries), rgb2lab(primaries), rtol=0, atol=0.03)
    grays = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    assert np.abs(srgb_to_lab(grays)[:, 1:]).max() < 1e-4
    assert np.all(np.diff(srgb_to_lab(grays)[:, 0]) > 0)


@pytest.mark.parametrize("convert", [lambda x: x, lambda x: x.astype(np.uint16) * 257, lambda x: x / 255])
def test_of_pictures_it_is_skimages_mean(convert) -> None:
    a = picture(150, 131)  # more pixels than are taken at once, and no multiple of them
    b = noisy(a)
    wanted = deltaE_ciede2000(rgb2lab(b), rgb2lab(a))
    assert ciede2000(convert(b), convert(a)) == pytest.approx(wanted.mean(), abs=2e-3)
    assert ciede2000(convert(b), convert(a), border=4) == pytest.approx(wanted[4:-4, 4:-4].mean(), abs=2e-3)


def test_bounds_and_order() -> None:
    a = picture(40, 50)
    assert ciede2000(a, a) == 0
    assert 0 < ciede2000(noisy(a, 3), a) < ciede2000(noisy(a, 12), a)
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert ciede2000(black, white) == pytest.approx(100, abs=1e-3)


def test_wrong_input() -> None:
    a = picture(20, 20)
    with pytest.raises(ValueError, match="expected RGB"):
        ciede2000(a[..., :1], a[..., :1])
    with pytest.raises(ValueError, match="differ in type: uint8 and float64"):
        ciede2000(a, a / 255)
    with pytest.raises(ValueError, match="differ in shape"):
        ciede2000(a, a[:10])
    with pytest.raises(ValueError, match="nothing is left"):
        ciede2000(a, a, border=10)
    with pytest.raises(ValueError, match="NaN or infinite"):
        ciede2000(np.full((4, 4, 3), np.nan), np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"a value is 255\.0"):
        ciede2000(np.full((4, 4, 3), 255, np.float32), a[:4, :4].astype(np.float32))
    with pytest.raises(ValueError, match="not int64"):
        ciede2000(a.astype(np.int64), a.astype(np.int64))
    with pytest.raises(ValueError, match="expected RGB"):
        srgb_to_lab(a[..., :2])
    with pytest.raises(ValueError, match=r"within 0\.\.1, but a value is nan"):
        srgb_to_lab(np.full((4, 4, 3), np.nan))
