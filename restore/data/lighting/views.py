"""What a network that judges light sees of a picture: a large square of it, made small."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError

# The smallest square, as a share of the picture's shorter side: light is judged by the whole.
LEAST = 0.5


def large_enough(sizes: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """The numbers of the pictures whose shorter side has ``side`` pixels.

    Args:
        sizes: (N, 2), heights and widths.
        side: of a view.

    Raises:
        DataError: none has.
    """
    found = np.flatnonzero(sizes.min(axis=1) >= side)
    if not len(found):
        raise DataError(
            f"none of {len(sizes)} photographs has {side} pixels on its shorter side: give larger ones or a smaller "
            "data.patch"
        )
    return found


class View:
    """A square of a picture of a given size, drawn at random: as large as the picture down to half of it.

    Args:
        height: of the picture.
        width: of the picture.
        side: of the view, at most the shorter of them.
        draw: where it comes from.
    """

    def __init__(self, height: int, width: int, side: int, draw: np.random.Generator) -> None:
        short = min(height, width)
        self.side = side
        self._square = int(draw.integers(max(side, int(LEAST * short)), short + 1))
        self._top, self._left = (int(draw.integers(0, n - self._square + 1)) for n in (height, width))
        self._mirrored = bool(draw.integers(0, 2))

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The view of a picture (H, W, 3): (side, side, 3), averaged down, mirrored or not but never turned."""
        square = picture[self._top : self._top + self._square, self._left : self._left + self._square]
        small = cv2.resize(square, (self.side, self.side), interpolation=cv2.INTER_AREA)
        seen: NDArray[np.uint8] = small[:, ::-1] if self._mirrored else small
        return seen
