"""Blur with a given kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def blur(image: NDArray[np.float32], kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Correlate every channel with a kernel; beyond the border the picture is mirrored about the edge pixel.

    The same as ``basicsr.utils.img_process_util.filter2D``.

    Args:
        image: float32 (H, W, 3).
        kernel: (size, size), see :mod:`.kernels`.

    Returns:
        float32 (H, W, 3), not clipped: a kernel with negative parts goes beyond the range at edges.
    """
    import cv2

    blurred: NDArray[np.float32] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return blurred
