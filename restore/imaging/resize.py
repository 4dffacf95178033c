"""Bicubic resize that matches MATLAB's ``imresize``, the standard of the super-resolution literature.

When shrinking, the cubic kernel is widened by the scale (antialiasing); pixels beyond the border are mirrored
(edge pixel included). OpenCV's and Pillow's bicubic differ, so results with them are not comparable to papers.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray, AnyDtype


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5 (Keys, 1981), the one ``imresize`` uses."""
    x = np.abs(x)
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


@functools.lru_cache(maxsize=64)
def resize_weights(
    length: int, out_length: int, scale: float, antialias: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Weights and source positions of every output sample along one axis.

    Args:
        length: samples along the axis of the input.
        out_length: samples along the axis of the output.
        scale: output over input; below 1 shrinks.
        antialias: widen the kernel when shrinking.

    Returns:
        ``weights`` (out_length, taps), each row summing to 1, and ``indices`` (out_length, taps) into the input,
        already mirrored at the borders. Both are read-only.
    """
    stretch = min(scale, 1.0) if antialias else 1.0
    width = 4.0 / stretch
    # The center of output sample i on the input's axis, where pixel centers are whole numbers from 0.
    centers = (np.arange(out_length) + 0.5) / scale - 0.5
    first = np.floor(centers - width / 2).astype(np.intp)
    taps = math.ceil(width) + 2
    indices = first[:, None] + np.arange(taps)
    weights = _cubic((centers[:, None] - indices) * stretch) * stretch
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.any(weights != 0, axis=0)
    weights, indices = weights[:, used], indices[:, used]
    period = np.abs(np.mod(indices, 2 * length))
    indices = np.where(period < length, period, 2 * length - 1 - period)
    weights.setflags(write=False)
    indices.setflags(write=False)
    return weights, indices


@functools.lru_cache(maxsize=64)
def resize_matrix(length: int, scale: float, start: int = 0, count: int | None = None) -> NDArray[np.float32]:
    """The same resize along one axis as a dense matrix, for many small patches of one size.

    Args:
        length: samples along the input axis.
        scale: output over input.
        start: first output row.
        count: number of output rows (default: the rest).

    Returns:
        float32 (count, length); ``matrix @ column`` is the resized column. Read-only.
    """
    out_length = math.ceil(length * scale - 1e-9)
    weights, indices = resize_weights(length, out_length, scale)
    matrix = np.zeros((out_length, length))
    np.add.at(matrix, (np.arange(out_length)[:, None], indices), weights)
    wanted = matrix[start : None if count is None else start + count].astype(np.float32)
    wanted.setflags(write=False)
    return wanted


def _along(image: AnyArray, axis: int, out_length: int, scale: float, antialias: bool) -> AnyArray:
    weights, indices = resize_weights(image.shape[axis], out_length, scale, antialias)
    shape = [1] * image.ndim
    shape[axis] = out_length
    out = np.zeros((*image.shape[:axis], out_length, *image.shape[axis + 1 :]))
    for tap in range(weights.shape[1]):
        out += weights[:, tap].reshape(shape) * np.take(image, indices[:, tap], axis=axis)
    return round_to(image.dtype, out)


def round_to(dtype: AnyDtype, values: AnyArray) -> AnyArray:
    """Cast like MATLAB: round to nearest (halves up) and clip to the range of an integer type."""
    if np.issubdtype(dtype, np.integer):
        limit = np.iinfo(dtype)
        values = np.floor(np.clip(values, limit.min, limit.max) + 0.5)
    return values.astype(dtype)


def resize(image: AnyArray, scale: float, antialias: bool = True) -> AnyArray:
    """Resize a picture by ``scale`` as MATLAB's ``imresize(image, scale, 'bicubic')`` does.

    Columns are resized first, then rows, and integer pictures are rounded after each pass, as in ``imresize``; only
    this reproduces the benchmarks' low-resolution files bit for bit.

    Args:
        image: (H, W) or (H, W, C); uint8, uint16 or floating point.
        scale: output over input; the output is ``ceil(H * scale)`` by ``ceil(W * scale)``.
        antialias: widen the kernel when shrinking (MATLAB's default).

    Returns:
        An array of the same type. Integers are rounded and clipped to their range, floats are not.

    Raises:
        ValueError: ``scale`` is not positive, or the picture has no pixels.
    """
    if not scale > 0:
        raise ValueError(f"scale must be positive, not {scale}")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"expected a picture (H, W) or (H, W, C) with pixels, not an array of shape {image.shape}")
    height, width = (math.ceil(n * scale - 1e-9) for n in image.shape[:2])
    return _along(_along(image, 0, height, scale, antialias), 1, width, scale, antialias)


def shrink(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """``resize(image, 1 / factor)`` of an 8-bit color picture, bit-identical and several times as fast.

    Each output row weights the same window of input rows, shifted by ``factor`` rows, so a kernel tap is one strided
    slice of the picture. For factors 2, 4 and 8 the weights are sums of few powers of two, so float32 is exact in any
    order; other factors are left to :func:`resize`, whose rounding depends on the position.

    Args:
        image: uint8 (H, W, C), sides multiples of ``factor``.
        factor: whole number by which the sides are divided.
    """
    if factor not in (2, 4, 8):
        return image if factor == 1 else resize(image, 1 / factor)
    rows = _shrink_rows(image, factor)
    return np.ascontiguousarray(_shrink_rows(rows.transpose(1, 0, 2), factor).transpose(1, 0, 2))


def _shrink_rows(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    length = image.shape[0]
    # Start and weights of the kernel, taken far from the borders so that nothing is mirrored.
    middle = 4 * factor
    weights, indices = resize_weights(8 * factor * factor, 8 * factor, 1 / factor)
    kernel, first = weights[middle], int(indices[middle, 0]) - middle * factor
    after = max(0, first + len(kernel) - factor)
    padded = np.pad(np.ascontiguousarray(image), ((-first, after), (0, 0), (0, 0)), mode="symmetric")
    out = np.zeros((length // factor, *image.shape[1:]), np.float32)
    for tap, weight in enumerate(kernel):
        out += padded[tap : tap + length : factor] * np.float32(weight)
    return round_to(np.dtype(np.uint8), out)


def modcrop(image: AnyArray, multiple: int) -> AnyArray:
    """Crop the bottom and right so that both sides are multiples of ``multiple``, as in the literature."""
    height, width = (n - n % multiple for n in image.shape[:2])
    return image[:height, :width]
