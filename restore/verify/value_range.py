"""Detect the values of black and white of a network without metadata."""

from __future__ import annotations

import numpy as np

from restore.verify.pictures import scene
from restore.verify.sizes import Run, Sizes, rounded_up

# Side of the picture that is tried.
_SIDE = 64


def find_range(
    run: Run, sizes: Sizes, shape: tuple[int, int] | None = None, gray: bool = False
) -> tuple[float, float] | None:
    """The values of black and white, 0..1 or 0..255, by which is restored better; None if unclear.

    A restored and downscaled picture is close to the original; on the wrong range it is further away, especially for
    faithful networks. Networks without offsets work alike on any range. The range -1..1 is never detected: with small
    values, errors are small too.
    """
    size = shape or (rounded_up(max(sizes.minimum, _SIDE), sizes.multiple),) * 2
    pixels = scene(*size)
    if gray:
        pixels = np.repeat(pixels[..., 1:2], 3, axis=2)
    picture = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / np.float32(255), np.float32)
    errors = {}
    for low, high in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)):
        given = picture * np.float32(high - low) + np.float32(low)
        result = run(given)
        small = result.reshape(1, 3, size[0], sizes.scale, size[1], sizes.scale).mean((3, 5))
        errors[low, high] = float(np.abs(small - given).mean()) / (high - low)
    signed = errors.pop((-1.0, 1.0))
    best, second = sorted(errors, key=lambda pair: errors[pair])
    clear = errors[best] < 0.1 and errors[second] > 2 * errors[best] and errors[best] <= signed
    return best if clear else None
