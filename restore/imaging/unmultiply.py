"""Colors that were multiplied by their alpha."""

from __future__ import annotations

import numpy as np

from restore.imaging.picture import Samples


def unmultiplied(pixels: Samples, alpha: Samples) -> Samples:
    """Divide premultiplied colors (H, W, C) by their alpha (H, W); uint8 or uint16, rounded to nearest."""
    most = int(np.iinfo(pixels.dtype).max)
    out = np.empty_like(pixels)
    for row in range(0, len(pixels), 256):
        a = alpha[row : row + 256, :, None].astype(np.uint64)
        color = pixels[row : row + 256].astype(np.uint64) * most
        out[row : row + 256] = np.minimum((color + a // 2) // np.maximum(a, 1), most)
    return out
