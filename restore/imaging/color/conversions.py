"""Color conversions: luma as in the literature, gray to RGB, linear light, CIELAB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray, FloatArray

# ITU-R BT.601, studio range: 16 is black, 235 is white. MATLAB's rgb2ycbcr, and every super-resolution paper's Y.
LUMA_WEIGHTS = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0


def luma(image: AnyArray) -> NDArray[np.uint8]:
    """Y of an 8-bit picture like MATLAB's ``rgb2ycbcr``: BT.601, studio range 16..235, rounded to 8 bits.

    A gray picture is returned unchanged, which is how the literature measures Set14's ``bridge``. (Converting it would
    shrink its range and raise the set's average by 0.09 dB.)

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


def as_rgb(image: AnyArray) -> AnyArray:
    """(H, W, 1) to (H, W, 3); RGB is returned unchanged."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def to_linear(values: AnyArray) -> FloatArray:
    """sRGB values in 0..1 to linear light in 0..1; float64 for float64 input, else float32."""
    kind = np.float64 if values.dtype == np.float64 else np.float32
    dark = values <= 0.04045
    return np.where(dark, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4).astype(kind)


def from_linear(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light in 0..1 to sRGB values in 0..1."""
    dark = light <= 0.0031308
    values: NDArray[np.float32] = np.where(dark, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
    return values.astype(np.float32)


# IEC 61966-2-1: linear sRGB to XYZ under D65. The row sums are the white point, so that gray has zero chroma.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_RELATIVE_XYZ = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)
_KNEE = 6 / 29


def srgb_to_lab(image: AnyArray) -> FloatArray:
    """sRGB to L* (0..100), a* and b* (about -110..110), under D65 for the 2 degree observer.

    Args:
        image: sRGB (..., 3), uint8, uint16, or floating point in 0..1.

    Returns:
        The same shape; float64 for float64 input, else float32.

    Raises:
        ValueError: not RGB, an unsupported type, or a value that is NaN or outside 0..1.
    """
    if image.shape[-1:] != (3,):
        raise ValueError(f"expected RGB (..., 3), not an array of shape {image.shape}")
    relative = _linear(image) @ _TO_RELATIVE_XYZ.T.astype(np.float64 if image.dtype == np.float64 else np.float32)
    root = np.where(relative > _KNEE**3, np.cbrt(relative), relative / (3 * _KNEE**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    lab: FloatArray = np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)
    return lab


def _linear(image: AnyArray) -> FloatArray:
    """sRGB to linear light in 0..1, with a lookup table for integers."""
    if image.dtype in (np.uint8, np.uint16):
        levels = int(np.iinfo(image.dtype).max)
        table: FloatArray = to_linear(np.arange(levels + 1) / levels).astype(np.float32)[image]
        return table
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"sRGB is uint8, uint16 or floating point, not {image.dtype}")
    wrong = ~((image >= 0) & (image <= 1))
    if wrong.any():
        raise ValueError(f"floating-point sRGB must be within 0..1, but a value is {image[wrong][0]}")
    return to_linear(image if image.dtype == np.float64 else image.astype(np.float32))
