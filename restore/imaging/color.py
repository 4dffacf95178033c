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


def to_linear(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """Linear light, 0..1, of sRGB values on 0..1; float64 of float64, else float32."""
    kind = np.float64 if values.dtype == np.float64 else np.float32
    dark = values <= 0.04045
    return np.where(dark, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4).astype(kind)


def from_linear(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB values, 0..1, of light on 0..1."""
    dark = light <= 0.0031308
    values: NDArray[np.float32] = np.where(dark, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
    return values.astype(np.float32)


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
