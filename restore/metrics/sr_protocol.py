"""The measurement protocol of the super-resolution literature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restore.imaging.color.conversions import as_rgb
from restore.imaging.resize import modcrop, resize
from restore.metrics.measure import measure_picture
from restore.metrics.metric import MetricProtocol


@dataclass(frozen=True)
class Score:
    """PSNR in dB, on Y or RGB, and SSIM on Y."""

    psnr: float
    ssim: float


def score(image: NDArray[np.uint8], reference: NDArray[np.uint8], scale: int) -> Score:
    """PSNR and SSIM of 8-bit pictures, ignoring a border of ``scale`` pixels.

    Both are on Y, as in the super-resolution literature; at scale 1, where colors are restored too, PSNR is on RGB.
    SSIM is NaN for pictures smaller than its window.
    """
    found = measure_picture(("psnr", "ssim"), image, reference, MetricProtocol(scale))
    return Score(found["psnr"], found["ssim"])


def bicubic(low: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Bicubic enlargement, computed in floating point and rounded once, which makes it as good as possible."""
    return np.clip(np.floor(resize(low.astype(np.float64), scale) + 0.5), 0, 255).astype(np.uint8)


def reduce(high: NDArray[np.uint8], scale: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Reduce a high-resolution picture as in the literature; returns the result and the cropped original."""
    high = modcrop(high, scale)
    return resize(high, 1 / scale), high


def enlarge_like(
    low: NDArray[np.uint8], enlarge: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Enlarge with a network that only handles RGB; a gray picture stays gray."""
    result = enlarge(as_rgb(low))
    if low.shape[2] == 1:
        gray: NDArray[np.uint8] = np.round(result.mean(axis=2, keepdims=True)).astype(np.uint8)
        return gray
    return result
