"""Resize a finished picture to an exact size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Samples


def resample(samples: Samples, height: int, width: int) -> Samples:
    """Resize samples with Pillow's antialiased bicubic filter (a = -0.5).

    Fast enough for whole photographs, and equal to :func:`restore.imaging.resize.resize` but for rounding and the
    border, where Pillow renormalizes the kernel instead of mirroring.

    Args:
        samples: uint8 or uint16, (H, W) or (H, W, 1 or 3).
        height: of the result, in pixels.
        width: of the result, in pixels.

    Returns:
        The same type, with the new height and width.
    """
    if samples.shape[:2] == (height, width):
        return samples
    if samples.dtype == np.uint8 and samples.shape[2:] == (3,):
        return _resized(samples, height, width)
    planes = samples if samples.ndim == 3 else samples[..., None]
    out = np.empty((height, width, planes.shape[2]), samples.dtype)
    for i in range(planes.shape[2]):
        if samples.dtype == np.uint8:
            out[..., i] = _resized(planes[..., i], height, width)
        else:  # Pillow resizes few modes of 16 bits
            resized = _resized(planes[..., i].astype(np.float32), height, width)
            out[..., i] = np.clip(np.rint(resized, out=resized), 0, np.iinfo(samples.dtype).max)
    return out if samples.ndim == 3 else out[..., 0]


def _resized(values: AnyArray, height: int, width: int) -> AnyArray:
    return np.array(Image.fromarray(np.ascontiguousarray(values)).resize((width, height), Image.Resampling.BICUBIC))
