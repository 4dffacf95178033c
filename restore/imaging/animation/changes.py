"""The part of a frame that differs from the frame before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restore.imaging.picture import Picture, Samples


class Box(NamedTuple):
    """A rectangle in pixels: the first row and column, and those behind the last."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def place(self) -> tuple[slice, slice]:
        """To index arrays (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left


def changed(before: Picture | None, after: Picture) -> NDArray[np.bool_]:
    """Where a frame differs from the one before, in color or alpha: (H, W)."""
    if before is None:
        return np.ones(after.size, np.bool_)
    differs: NDArray[np.bool_] = (before.pixels != after.pixels).any(axis=2)
    if before.alpha is not None or after.alpha is not None:
        differs |= alpha_of(before) != alpha_of(after)
    return differs


def alpha_of(picture: Picture) -> Samples:
    """Alpha (H, W), opaque if the picture has none."""
    return picture.alpha if picture.alpha is not None else np.full(picture.size, 255, np.uint8)


def box_around(mask: NDArray[np.bool_], step: int = 1) -> Box:
    """The smallest rectangle that contains all of a mask, and at least a pixel.

    Args:
        mask: (H, W).
        step: its first row and column are multiples of this.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Box(0, 0, 1, 1)
    top, left = int(rows[0]) // step * step, int(columns[0]) // step * step
    return Box(top, left, int(rows[-1]) + 1, int(columns[-1]) + 1)


def cut(picture: Picture, box: Box) -> Picture:
    """A part of a picture, without metadata."""
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[box.place])
    return Picture(np.ascontiguousarray(picture.pixels[box.place]), alpha, None, None, "")
