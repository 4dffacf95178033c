"""Fusion of several exposures into a well-exposed picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def fuse(exposures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Exposure fusion: blend each area from the pictures that show it best, using a pyramid.

    Mertens, Kautz and Van Reeth, "Exposure fusion", Pacific Graphics 2007; contrast, saturation and well-exposedness
    have equal weights, the defaults of OpenCV.

    Args:
        exposures: at least one; aligned RGB pictures (H, W, 3) of the same size.

    Raises:
        ValueError: there are no pictures, or their sizes differ.
    """
    if len({picture.shape for picture in exposures}) != 1:
        raise ValueError(f"expected pictures of one size, not {[picture.shape for picture in exposures]}")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # several threads sum in any order, which changes the last bit
    try:
        # The order of channels does not matter.
        fused = cv2.createMergeMertens().process([np.ascontiguousarray(picture) for picture in exposures])
    finally:
        cv2.setNumThreads(threads)
    result: NDArray[np.uint8] = np.clip(np.round(fused * 255), 0, 255).astype(np.uint8)
    return result
