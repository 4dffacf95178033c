"""Additive Gaussian noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gaussian_noise(
    image: NDArray[np.float32], sigma: float, grey: bool, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Add white Gaussian noise, as a sensor's electronics do.

    Args:
        image: float32 (H, W, 3) on 0..1; it may go beyond at edges, as after a sharp filter.
        sigma: standard deviation, in steps of 1/255.
        grey: the same noise in all channels.
        draw: where it comes from.

    Returns:
        float32 (H, W, 3), clipped to 0..1.
    """
    shape = (*image.shape[:2], 1) if grey else image.shape
    noise = draw.standard_normal(shape, np.float32) * np.float32(sigma / 255)
    return np.clip(image + noise, 0, 1)
