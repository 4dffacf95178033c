"""Poisson noise, from the photons of light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Photons at white. basicsr counts the distinct values of a picture and rounds up to a power of two: 256 for most
# photographs, but 1 for a patch of plain sky, which then drowns in noise. Here, the noise of a pixel depends only on
# the light of that pixel.
_WHITE = 256.0

# ITU-R BT.601, full range.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def poisson_noise(
    image: NDArray[np.float32], scale: float, gray: bool, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Add shot noise. Its variance at value v is ``scale^2 * v / 256``, so bright areas are noisier than dark ones.

    Follows ``generate_poisson_noise`` of basicsr, which is scikit-image's ``random_noise``.

    Args:
        image: float32 (H, W, 3) on 0..1; values may exceed the range, as after a sharp filter.
        scale: 0 for no noise; 1 for the noise of 256 photons at white.
        gray: whether all channels get the same noise, that of the luma.
        draw: source of all randomness.

    Returns:
        float32 (H, W, 3), clipped to 0..1.
    """
    light = image @ _LUMA[:, None] if gray else image
    light = np.clip(light, 0, 1)
    noise = (draw.poisson(light * _WHITE) / _WHITE).astype(np.float32) - light
    return np.clip(image + np.float32(scale) * noise, 0, 1)
