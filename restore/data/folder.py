"""Pictures of folders, and a store of their decoded pixels with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError, ImageError
from restore.files.listing import list_pictures
from restore.imaging.decode import read_rgb8
from restore.imaging.header import read_size
from restore.runtime.cpu import usable_cores

# Pictures decoded at a time.
_AT_ONCE = 16


def list_photos(folders: Sequence[Path]) -> list[Path]:
    """All pictures below the folders, sorted within each folder, without hidden files.

    Raises:
        DataError: a folder is missing, contains no pictures, or a folder below it cannot be read.
    """
    return [path for folder in folders for path in list_pictures(folder)]


def photo_sizes(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Heights and widths (N, 2) of pictures in upright orientation, read from their headers.

    Raises:
        ImageError: a file cannot be read, or is not a picture.
    """
    return np.array([_size(path) for path in paths], dtype=np.int64).reshape(-1, 2)


def _size(path: Path) -> tuple[int, int]:
    try:
        return read_size(path)
    except ImageError as error:
        raise ImageError(f"{path}: cannot be used for training: {str(error).removeprefix(f'{path}: ')}") from error


class PhotoStore:
    """Decoded RGB pictures by number, cached up to a memory budget and decoded again beyond it.

    A file that turns out to be damaged is not read a second time.

    The pictures requested first stay in memory. With random access to a set larger than the budget, evicting one to
    keep another would only waste decoding.

    Args:
        paths: the pictures.
        budget: bytes of pixels to keep.
        derive: computes an array from a picture's pixels that is cached with them, such as the reduced picture.

    Attributes:
        damaged: reasons why pictures cannot be read, by number, as far as known.
        small: numbers of the pictures that are too small to be used.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        budget: int = 4 * 2**30,
        derive: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
    ) -> None:
        self.paths = list(paths)
        self.free = budget
        self.damaged: dict[int, str] = {}
        self.small: list[int] = []
        self._derive = derive
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._derived: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        """The picture as uint8 (H, W, 3).

        Raises:
            ImageError: it cannot be read.
        """
        pixels = self._kept.get(number)
        if pixels is None:
            if (reason := self.damaged.get(number)) is not None:
                raise ImageError(reason)
            try:
                pixels = read_rgb8(self.paths[number])
            except ImageError as error:
                self.damaged[number] = str(error)
                raise
            self._keep(number, pixels)
        return pixels

    def sizes(self, numbers: range | None = None) -> NDArray[np.int64]:
        """Heights and widths (N, 2) of pictures, from their headers; 0 for pictures that cannot be read.

        Args:
            numbers: which pictures; all by default.

        Raises:
            DataError: none of them can be read.
        """
        found = []
        numbers = range(len(self)) if numbers is None else numbers
        for number in numbers:
            try:
                found.append(read_size(self.paths[number]))
            except ImageError as error:
                self.damaged[number] = str(error)
                found.append((0, 0))
        if numbers and all(number in self.damaged for number in numbers):
            raise DataError(f"none of {len(numbers)} photographs can be read; the first: {self.damaged[numbers[0]]}")
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def use_only(self, numbers: Iterable[int], among: range | None = None) -> None:
        """Note which pictures are large enough to be used; the readable rest of ``among`` is too small."""
        used = set(numbers)
        every = range(len(self)) if among is None else among
        self.small += [number for number in every if number not in used and number not in self.damaged]

    def derived(self, number: int) -> NDArray[np.uint8] | None:
        """The derived array of a picture; None if the picture is not in memory."""
        return self._derived.get(number)

    def _keep(self, number: int, pixels: NDArray[np.uint8]) -> None:
        if pixels.nbytes > self.free:
            return
        derived = None if self._derive is None else self._derive(pixels)
        size = pixels.nbytes + (0 if derived is None else derived.nbytes)
        if size > self.free:
            return
        self.free -= size
        self._kept[number] = pixels
        if derived is not None:
            self._derived[number] = derived

    def fill(self) -> Iterator[int]:
        """Decode the pictures in order, with one thread per core, until the budget is used up.

        If this is done before worker processes are forked, they share the pixels. A picture that cannot be decoded is
        noted in ``damaged``; the error is raised when it is requested.

        Yields:
            The number of pictures processed so far.
        """
        missing = [number for number in range(len(self)) if number not in self._kept and number not in self.damaged]
        with ThreadPoolExecutor(usable_cores()) as pool:
            for start in range(0, len(missing), _AT_ONCE):
                some = missing[start : start + _AT_ONCE]
                for number, pixels in zip(some, pool.map(self._try, some), strict=True):
                    if pixels is not None:
                        before = self.free
                        self._keep(number, pixels)
                        if self.free == before:
                            return
                yield len(self) - len(missing) + start + len(some)

    def _try(self, number: int) -> NDArray[np.uint8] | None:
        try:
            return read_rgb8(self.paths[number])
        except ImageError as error:
            self.damaged[number] = str(error)
            return None
