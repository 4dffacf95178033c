"""CIE L*a*b*, in which distances are about as large as they look."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restore.imaging.transfer import to_linear

# IEC 61966-2-1: linear sRGB to XYZ under D65. The rows' sums are the white, so that grey has no colour.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_RELATIVE_XYZ = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)
_KNEE = 6 / 29


def srgb_to_lab(image: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """L* (0..100), a* and b* (about -110..110) of sRGB under D65, for the 2 degree observer.

    Args:
        image: sRGB (..., 3), uint8, uint16, or floating point in 0..1.

    Returns:
        The same shape; float64 of float64, else float32.

    Raises:
        ValueError: not RGB, another type, or a value outside of 0..1, as NaN is too.
    """
    if image.shape[-1:] != (3,):
        raise ValueError(f"expected RGB (..., 3), not an array of shape {image.shape}")
    relative = _linear(image) @ _TO_RELATIVE_XYZ.T.astype(np.float64 if image.dtype == np.float64 else np.float32)
    root = np.where(relative > _KNEE**3, np.cbrt(relative), relative / (3 * _KNEE**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    lab: NDArray[np.floating[Any]] = np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)
    return lab


def _linear(image: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """sRGB's curve undone: light from 0 to 1, by a table where there are few values."""
    if image.dtype in (np.uint8, np.uint16):
        levels = int(np.iinfo(image.dtype).max)
        table: NDArray[np.floating[Any]] = to_linear(np.arange(levels + 1) / levels).astype(np.float32)[image]
        return table
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"sRGB is uint8, uint16 or floating point, not {image.dtype}")
    wrong = ~((image >= 0) & (image <= 1))
    if wrong.any():
        raise ValueError(f"sRGB in floating point is within 0..1, and a value is {image[wrong][0]}")
    return to_linear(image if image.dtype == np.float64 else image.astype(np.float32))
