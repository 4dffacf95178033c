"""Additive Gaussian noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gaussian_noise(
    image: NDArray[np.float32], sigma: float, gray: bool, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Add white Gaussian noise, like that of a sensor's electronics.

    Args:
        image: float32 (H, W, 3) on 0..1; values may exceed the range, as after a sharp filter.
        sigma: standard deviation, in steps of 1/255.
        gray: whether the noise is the same in all channels.
        draw: source of all randomness.

    Returns:
        float32 (H, W, 3), clipped to 0..1.
    """
    shape = (*image.shape[:2], 1) if gray else image.shape
    noise = draw.standard_normal(shape, np.float32) * np.float32(sigma / 255)
    return np.clip(image + noise, 0, 1)
