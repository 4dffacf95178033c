"""Structural similarity at several scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.metrics.metric import Metric
from restore.metrics.psnr import within
from restore.metrics.ssim import by_channel, similarity

# The exponents of the scales, finest first.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST = 11 * 2 ** (len(_WEIGHTS) - 1)


def ms_ssim(image: AnyArray, reference: AnyArray, border: int = 0, peak: float = 255.0) -> float:
    """MS-SSIM of two single-channel pictures; 1 is best, 0 is worst.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003: five scales,
    each reduced by 2 x 2 means from the previous one; contrast and structure count at each scale, luminance at the
    coarsest, all weighted by exponents. The windows are those of :func:`restore.metrics.ssim.ssim`. The result is 0 if
    the mean of a scale is negative, since its power is undefined.

    Args:
        image: (H, W), at least 176 x 176 within the border.
        reference: the same shape and scale.
        border: pixels left out on every side.
        peak: the largest possible value.

    Raises:
        ValueError: not single-channel, the shapes differ, or the picture is too small.
    """
    if image.ndim != 2:
        raise ValueError(f"expected a single channel (H, W), not an array of shape {image.shape}")
    image, reference = within(image, reference, border)
    if min(image.shape) < SMALLEST:
        raise ValueError(f"MS-SSIM needs {SMALLEST} x {SMALLEST} pixels, not {image.shape[0]} x {image.shape[1]}")
    x, y = image.astype(np.float64), reference.astype(np.float64)
    product = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            x, y = _half(x), _half(y)
        luminance, structure = similarity(x, y, peak)
        mean = float((luminance * structure if scale == len(_WEIGHTS) - 1 else structure).mean())
        product *= max(0.0, mean) ** weight
    return product


def _half(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 2 means; an odd last row or column is dropped."""
    height, width = (n - n % 2 for n in image.shape)
    image = image[:height, :width]
    return (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4


METRIC = Metric(
    "ms-ssim",
    "MS-SSIM",
    "structural similarity at five scales",
    higher_is_better=True,
    reference=True,
    digits=4,
    how=lambda protocol: protocol.describe("y"),
    measure=by_channel(ms_ssim),
    distortion=True,
)
