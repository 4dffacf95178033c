"""Random positions of samples in photographs. They depend only on the seed and the number of the sample."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.imaging.arrays import AnyArray

# Counterclockwise rotations by a number of quarter turns.
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


def generator(seed: int, number: int) -> np.random.Generator:
    """The source of all randomness of a sample.

    The number is part of the key. If it were the counter, neighboring samples would share all but the first four
    values, and so choose the same positions.

    Args:
        seed: seed of the samples, at least 0.
        number: number of the sample, at least 0.
    """
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], np.uint64)))


class PatchSampler:
    """Draws photographs in proportion to their area, and positions of patches; skips photographs that are too small.

    Args:
        sizes: (N, 2), heights and widths in pixels.
        patch: side of a patch, in units.
        unit: pixels per unit; patches start at multiples of it.

    Attributes:
        usable: indices of the photographs that are large enough.

    Raises:
        DataError: no photograph is large enough for a patch.
    """

    def __init__(self, sizes: NDArray[np.int64], patch: int, unit: int = 1) -> None:
        self.patch, self.unit = patch, unit
        fits = (sizes // unit >= patch).all(axis=1)
        if not fits.any():
            raise DataError(
                f"none of {len(sizes)} photographs is large enough for a patch of {patch * unit} x {patch * unit} "
                "pixels; use larger photographs or a smaller patch"
            )
        self.usable: list[int] = np.flatnonzero(fits).tolist()
        area = np.where(fits, sizes.prod(axis=1), 0).astype(np.float64)
        self._cumulative = np.cumsum(area / area.sum())

    def photo(self, draw: np.random.Generator) -> int:
        """Draw the number of a photograph."""
        return min(int(np.searchsorted(self._cumulative, draw.random(), side="right")), len(self._cumulative) - 1)

    def corner(self, photo: AnyArray, draw: np.random.Generator) -> tuple[int, int]:
        """Draw the row and column of a patch's top left corner in a photograph (H, W, 3), in units."""
        top, left = (int(draw.integers(0, n // self.unit - self.patch + 1)) for n in photo.shape[:2])
        return top, left


def window(photo: NDArray[np.uint8], top: int, left: int, side: int, unit: int = 1) -> NDArray[np.uint8]:
    """A square of a photograph, mirrored beyond the border as ``imresize`` does.

    Args:
        photo: uint8 (H, W, 3); cropped to multiples of ``unit`` first.
        top: first row, may be negative.
        left: first column, may be negative.
        side: side of the square, pixels.
        unit: see ``photo``.
    """
    height, width = (n - n % unit for n in photo.shape[:2])
    bottom, right = top + side, left + side
    inside = photo[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    beyond = ((max(-top, 0), max(bottom - height, 0)), (max(-left, 0), max(right - width, 0)), (0, 0))
    return np.pad(inside, beyond, mode="symmetric") if np.any(beyond) else inside


def orient(image: AnyArray, which: int) -> AnyArray:
    """One of the eight flips and rotations of a square, ``which`` in 0..7."""
    if image.dtype == np.uint8:  # OpenCV copies color pixels as a whole, NumPy byte by byte
        turned = cv2.rotate(image, _TURNS[which % 4]) if which % 4 else image
        return cv2.flip(turned, 1) if which >= 4 else turned
    image = np.rot90(image, which % 4)
    return image[:, ::-1] if which >= 4 else image
