"""A well-exposed picture out of several exposures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def fuse(exposures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Exposure fusion: each place from the pictures that show it best, blended over a pyramid.

    Mertens, Kautz and Van Reeth, "Exposure fusion", Pacific Graphics 2007; contrast, saturation and well-exposedness
    weigh alike, as OpenCV has it.

    Args:
        exposures: RGB (H, W, 3) of one size that lie alike, at least one.

    Raises:
        ValueError: none, or of several sizes.
    """
    if len({picture.shape for picture in exposures}) != 1:
        raise ValueError(f"expected pictures of one size, not {[picture.shape for picture in exposures]}")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # several add the exposures up in any order, and the last bit of a sum depends on it
    try:
        # Which channel is which does not matter to it.
        fused = cv2.createMergeMertens().process([np.ascontiguousarray(picture) for picture in exposures])
    finally:
        cv2.setNumThreads(threads)
    result: NDArray[np.uint8] = np.clip(np.round(fused * 255), 0, 255).astype(np.uint8)
    return result
