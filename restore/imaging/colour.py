"""Luma in the literature's sense, and grey as RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601, studio range: 16 is black, 235 is white. MATLAB's rgb2ycbcr, and every super-resolution paper's Y.
LUMA_WEIGHTS = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0


def luma(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Y of an 8-bit picture as MATLAB's ``rgb2ycbcr`` gives it: BT.601, studio range 16..235, rounded to 8 bits.

    A grey picture is its own Y, unchanged: so is Set14's ``bridge`` counted in the literature. (Sending it through
    the formula would shrink its range and raise the set's average by 0.09 dB.)

    Args:
        image: uint8 (H, W, 3), (H, W, 1) or (H, W).

    Returns:
        uint8 (H, W).
    """
    if image.dtype != np.uint8:
        raise ValueError(f"luma is defined for 8-bit pictures, not {image.dtype}")
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[..., 0]
    y = image.astype(np.float64) @ (np.array(LUMA_WEIGHTS) / 255.0) + LUMA_OFFSET
    return np.floor(y + 0.5).astype(np.uint8)


def as_rgb(image: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 1) to (H, W, 3); RGB as it is."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
