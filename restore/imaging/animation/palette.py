"""Choose a palette for pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Rounds of k-means after median cut: they gain one decibel and take as long as median cut itself.
_ROUNDS = 1


def indexed(pixels: NDArray[np.uint8], most: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """Represent pixels by a palette: their own colors if they are few, else median cut and k-means.

    Args:
        pixels: (N, 3).
        most: number of colors, 1..256.

    Returns:
        The index of each pixel (N,), the palette (K, 3) with K <= ``most``, and whether no pixel has changed.
    """
    wide = pixels.astype(np.uint32)
    numbers = wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]
    colors, places = np.unique(numbers, return_inverse=True)
    if len(colors) <= most:
        palette = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.uint8)
        return places.reshape(-1).astype(np.uint8), palette, True
    image = Image.fromarray(pixels[None]).quantize(most, Image.Quantize.MEDIANCUT, kmeans=_ROUNDS)
    found = np.frombuffer(bytes(image.getpalette() or []), np.uint8).reshape(-1, 3)[:most]
    return np.asarray(image)[0], found, False
