"""Blur kernels: Gaussian, generalized Gaussian, plateau and sinc.

These are the kernels of Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image Super-Resolution"
(ICCV 2021), as used by Wang et al. in "Real-ESRGAN" (ICCVW 2021). Values equal those of ``basicsr.data.degradations``.
Every kernel is float64 (size, size), symmetric about its center, and sums to 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float64]


def gaussian_kernel(size: int, sigma_x: float, sigma_y: float, angle: float = 0.0, beta: float = 1.0) -> Kernel:
    """``exp(-d^(2 beta) / 2)``, where ``d`` is the distance in standard deviations.

    Pascal et al., "Parameter Estimation for Multivariate Generalized Gaussian Distributions" (2013).

    Args:
        size: side of the kernel, odd.
        sigma_x: standard deviation along the first axis, pixels.
        sigma_y: standard deviation along the second axis; equal to ``sigma_x`` for an isotropic kernel.
        angle: from the x axis of the picture to the first axis, radians, clockwise as displayed (y points down).
        beta: 1 for a Gaussian; smaller values give a sharper peak and longer tails, larger ones a flatter top.

    Raises:
        ValueError: the size is even, or a deviation or shape is not positive.
    """
    return _normalized(np.exp(-0.5 * _squared_distance(size, sigma_x, sigma_y, angle) ** _positive("beta", beta)))


def plateau_kernel(size: int, sigma_x: float, sigma_y: float, angle: float = 0.0, beta: float = 1.0) -> Kernel:
    """``1 / (1 + d^(2 beta))``: flat in the middle, with long tails.

    Args:
        size: side of the kernel, odd.
        sigma_x: distance along the first axis at which half of the peak is left, pixels.
        sigma_y: the same along the second axis.
        angle: from the x axis of the picture to the first axis, radians, clockwise as displayed.
        beta: steepness of the plateau's edge.

    Raises:
        ValueError: the size is even, or a deviation or shape is not positive.
    """
    return _normalized(1 / (1 + _squared_distance(size, sigma_x, sigma_y, angle) ** _positive("beta", beta)))


def sinc_kernel(size: int, cutoff: float) -> Kernel:
    """The ideal circular low-pass filter, cropped to a square. It rings at edges, like sharpened and resized pictures.

    ``cutoff * J1(cutoff * r) / (2 pi r)`` at distance r, where J1 is the Bessel function of the first kind.

    Args:
        size: side of the kernel, odd.
        cutoff: highest frequency that passes, radians per pixel, at most pi.

    Raises:
        ValueError: the size is even, or the cutoff is not within 0..pi.
    """
    if not 0 < cutoff <= math.pi:
        raise ValueError(f"cutoff must be above 0 and at most pi, not {cutoff}")
    # Only few distances differ.
    radius, place = np.unique(np.hypot(*_grid(size)), return_inverse=True)
    values = cutoff * _bessel_j1(cutoff * radius[1:]) / (2 * math.pi * radius[1:])
    return _normalized(np.append(cutoff**2 / (4 * math.pi), values)[place.reshape(size, size)])


def _bessel_j1(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """J1 by Bessel's integral, the mean of ``cos(t - x sin t)`` over a period; avoids a dependency on SciPy.

    The error of the trapezoidal rule over a period is ``J_(n-1)(x)`` for n points, which is negligible for kernels with
    sides below 100.
    """
    points = 512
    t = np.arange(points) * (2 * math.pi / points)
    mean: NDArray[np.float64] = np.cos(t - x[..., None] * np.sin(t)).mean(axis=-1)
    return mean


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of every sample, relative to the center."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the size of a kernel must be odd, not {size}")
    axis = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def _squared_distance(size: int, sigma_x: float, sigma_y: float, angle: float) -> NDArray[np.float64]:
    x, y = _grid(size)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    squared: NDArray[np.float64] = (along / _positive("sigma_x", sigma_x)) ** 2
    return squared + (across / _positive("sigma_y", sigma_y)) ** 2


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} must be positive, not {value}")
    return value


def _normalized(kernel: NDArray[np.float64]) -> Kernel:
    scaled: Kernel = kernel / kernel.sum()
    return scaled
