"""Extend a picture by its mirror image to what a network takes, one tile at a time: no copy of the whole is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.runtime.tiling import Span
from restore.spec import ModelSpec


def padded_size(size: tuple[int, int], spec: ModelSpec) -> tuple[int, int]:
    """Height and width that a network sees of a picture.

    The spec's border is added on all sides. What is missing to the shortest side and the multiple that the network
    accepts is added to the right and below.

    Args:
        size: height and width of the picture.
        spec: of the network.
    """
    shortest = spec.shape[1:] if spec.shape else (spec.minimum, spec.minimum)
    height, width = (max(side + 2 * spec.border, least) for side, least in zip(size, shortest, strict=True))
    return -(-height // spec.multiple) * spec.multiple, -(-width // spec.multiple) * spec.multiple


def mirrored(span: Span, border: int, length: int) -> slice | NDArray[np.intp]:
    """The rows or columns of a picture that a tile consists of.

    Beyond an edge they repeat in reverse order, the outermost first, as in numpy's ``symmetric`` padding.

    Args:
        span: the tile along one axis, in coordinates of the padded picture.
        border: padding before the picture.
        length: of the picture along this axis.
    """
    start, stop = span.start - border, span.stop - border
    if start >= 0 and stop <= length:
        return slice(start, stop)
    place = np.arange(start, stop) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)
