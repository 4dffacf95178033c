"""Between the values of a picture and light: sRGB's transfer function (IEC 61966-2-1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
