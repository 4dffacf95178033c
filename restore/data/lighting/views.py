"""Views for networks that judge light: large squares of a picture, reduced in size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError

# Smallest square as a fraction of the picture's shorter side; light is judged by the whole picture.
LEAST = 0.5


def large_enough(sizes: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Indices of the pictures whose shorter side has at least ``side`` pixels.

    Args:
        sizes: (N, 2), heights and widths.
        side: side of a view, pixels.

    Raises:
        DataError: no picture is large enough.
    """
    found = np.flatnonzero(sizes.min(axis=1) >= side)
    if not len(found):
        raise DataError(
            f"none of {len(sizes)} photographs has {side} pixels on its shorter side; use larger ones or a smaller "
            "data.patch"
        )
    return found


class View:
    """A random square of a picture: from half of its shorter side up to all of it.

    Args:
        height: height of the picture.
        width: width of the picture.
        side: side of the view, at most the shorter side of the picture.
        draw: source of all randomness.
    """

    def __init__(self, height: int, width: int, side: int, draw: np.random.Generator) -> None:
        short = min(height, width)
        self.side = side
        self._square = int(draw.integers(max(side, int(LEAST * short)), short + 1))
        self._top, self._left = (int(draw.integers(0, n - self._square + 1)) for n in (height, width))
        self._mirrored = bool(draw.integers(0, 2))

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut the view from a picture (H, W, 3): (side, side, 3), area-averaged; may be mirrored, never rotated."""
        square = picture[self._top : self._top + self._square, self._left : self._left + self._square]
        small = cv2.resize(square, (self.side, self.side), interpolation=cv2.INTER_AREA)
        seen: NDArray[np.uint8] = small[:, ::-1] if self._mirrored else small
        return seen
