"""Choose a palette for pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The palette is chosen from about so many pixels: ten times as fast as from half a million, for a tenth of a decibel.
_SAMPLE = 2**16
# Rounds of k-means after median cut; they gain 1.5 decibels, further ones nothing.
_ROUNDS = 1
# Colors compared with the palette at a time.
_BLOCK = 2**13


def indexed(pixels: NDArray[np.uint8], most: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """Represent pixels by a palette: their own colors if they are few, else median cut and k-means.

    Args:
        pixels: (N, 3).
        most: number of colors, 1..256.

    Returns:
        The index of each pixel (N,), the palette (K, 3) with K <= ``most``, and whether no pixel has changed.
    """
    wide = pixels.astype(np.uint32)
    numbers, places = np.unique(wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2], return_inverse=True)
    colors = np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=1).astype(np.uint8)
    places = places.reshape(-1)
    if len(colors) <= most:
        return places.astype(np.uint8), colors, True
    step = -(-len(pixels) // _SAMPLE) | 1  # odd, so that it does not always meet the same columns
    sample = Image.fromarray(np.ascontiguousarray(pixels[::step])[None])
    chosen = sample.quantize(most, Image.Quantize.MEDIANCUT, kmeans=_ROUNDS).getpalette() or []
    palette = np.array(chosen, np.uint8).reshape(-1, 3)[:most]
    return _nearest(colors, palette)[places], palette, False


def _nearest(colors: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The index of the nearest palette color for each color; Pillow compares only the upper bits."""
    entries = palette.astype(np.float32)
    squares = (entries**2).sum(axis=1)
    found = np.empty(len(colors), np.uint8)
    for at in range(0, len(colors), _BLOCK):
        block = colors[at : at + _BLOCK].astype(np.float32)
        found[at : at + _BLOCK] = (squares - 2 * (block @ entries.T)).argmin(axis=1)
    return found
