"""Resize by OpenCV's filters, which do what the picture's earlier life may have done to it.

For the literature's bicubic see :mod:`restore.imaging.resize`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Filter = Literal["area", "bilinear", "bicubic"]


def resize(image: NDArray[np.float32], height: int, width: int, by: Filter) -> NDArray[np.float32]:
    """Resize to a size, the pictures' corners kept on each other.

    ``bilinear`` and ``bicubic`` (a = -0.75) look at 2 and 4 neighbours a side, without antialiasing: shrinking, they
    alias, which is wanted here; they are what torch's ``interpolate`` does. ``area`` takes the mean of what a pixel
    covers; enlarging, it is OpenCV's blend of nearest and linear.

    Args:
        image: float32 (H, W, 3).
        height: of the result, at least 1.
        width: of the result, at least 1.
        by: the filter.

    Returns:
        float32 (height, width, 3); bicubic overshoots the range at edges.
    """
    import cv2

    if image.shape[:2] == (height, width):
        return image
    filters = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
    resized: NDArray[np.float32] = cv2.resize(image, (width, height), interpolation=filters[by])
    return resized
