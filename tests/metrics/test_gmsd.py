"""GMSD against the authors' MATLAB code, written down with SciPy's convolutions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from restore.metrics.gmsd import gmsd
from tests.conftest import picture


def matlab(first: np.ndarray, second: np.ndarray) -> float:
    """GMSD.m: conv2(..., 'same'), which starts at the kernel's upper middle, and std2."""
    prewitt = np.array([[1, 0, -1]] * 3) / 3
    magnitudes = []
    for one in (first, second):
        small = convolve2d(one.astype(float), np.full((2, 2), 0.25))[1:, 1:][::2, ::2]
        down, across = (convolve2d(small, kernel, mode="same") for kernel in (prewitt.T, prewitt))
        magnitudes.append(np.sqrt(down**2 + across**2))
    x, y = magnitudes
    return float(np.std((2 * x * y + 170) / (x**2 + y**2 + 170), ddof=1))


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (4, 5)])
def test_it_is_the_authors(size: tuple[int, int]) -> None:
    reference = picture(*size)[..., 1]
    noisy = np.clip(reference + np.random.default_rng(0).normal(0, 20, size), 0, 255).astype(np.uint8)
    assert gmsd(noisy, reference) == pytest.approx(matlab(noisy, reference), abs=1e-12)
    assert gmsd(reference, reference) == 0
    assert gmsd(noisy, reference) == gmsd(reference, noisy)


def test_border_and_small_pictures() -> None:
    reference, other = picture(30, 30)[..., 1], picture(30, 30, seed=3)[..., 1]
    assert gmsd(other, reference, 4) == gmsd(other[4:-4, 4:-4], reference[4:-4, 4:-4])
    with pytest.raises(ValueError, match="GMSD needs 4 x 4 pixels, not 3 x 9"):
        gmsd(reference[:3, :9], reference[:3, :9])
    with pytest.raises(ValueError, match="single channel"):
        gmsd(picture(9, 9), picture(9, 9))
