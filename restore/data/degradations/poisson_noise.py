"""Poisson noise: light comes in photons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Photons that make white. basicsr counts the values that occur in the picture and rounds up to a power of two: 256 for
# most photographs, but 1 for a patch of plain sky, which then drowns in noise. Here the noise depends on the light
# alone, and a pixel's on that pixel.
_WHITE = 256.0

# ITU-R BT.601, full range.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def poisson_noise(
    image: NDArray[np.float32], scale: float, grey: bool, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Add shot noise: at a value v its variance is ``scale^2 * v / 256``, so the bright is noisier than the dark.

    After ``generate_poisson_noise`` of basicsr, which is scikit-image's ``random_noise``.

    Args:
        image: float32 (H, W, 3) on 0..1; it may go beyond at edges, as after a sharp filter.
        scale: 0 for none; 1 is the noise of 256 photons at white.
        grey: the same noise in all channels, that of the luma.
        draw: where it comes from.

    Returns:
        float32 (H, W, 3), clipped to 0..1.
    """
    light = image @ _LUMA[:, None] if grey else image
    light = np.clip(light, 0, 1)
    noise = (draw.poisson(light * _WHITE) / _WHITE).astype(np.float32) - light
    return np.clip(image + np.float32(scale) * noise, 0, 1)
