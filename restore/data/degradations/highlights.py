"""Light brighter than white: what an exposure that averages light needs to know of clipped highlights."""

from __future__ import annotations

import numpy as np

from restore.data.degradations.base import Image
from restore.imaging.color.conversions import to_linear

# sRGB values from which a photograph is clipped, so that the light may have been brighter.
_CLIPPED = 250 / 255


def brightened(image: Image, light: float) -> Image:
    """Linear light (H, W, 3) of an sRGB picture on 0..1, with clipped highlights ``light`` times as bright."""
    least = image.min(axis=2, keepdims=True)  # a color that is clipped in one channel need not be a light
    share = np.clip((least - _CLIPPED) / (1 - _CLIPPED), 0, 1)
    bright: Image = (to_linear(image) * (1 + np.float32(light - 1) * share)).astype(np.float32)
    return bright
