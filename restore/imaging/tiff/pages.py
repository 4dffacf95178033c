"""Pages of a TIFF or BigTIFF file: how each is stored, and which of them is the picture."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from restore.imaging.metadata import ifd

NEW_SUBFILE, SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 254, 255, 256, 257, 258, 259, 262, 266
STRIPS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 274, 277, 278, 279, 284
T4_OPTIONS, T6_OPTIONS, PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_HEIGHT = 292, 293, 317, 320, 322, 323
TILES, TILE_BYTES, SUB_DIRECTORIES, EXTRA, FORMAT, LEAST, MOST, JPEG_TABLES = 324, 325, 330, 338, 339, 340, 341, 347
SUBSAMPLING, ICC = 530, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, INKS, YCBCR, LAB = 0, 1, 2, 3, 4, 5, 6, 8
# Channels of each PhotometricInterpretation that stands for colors.
COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, INKS: 4, YCBCR: 3, LAB: 3}
# Values in the tags above.
HORIZONTAL, FLOATING = 2, 3
UNSIGNED_FORMAT, SIGNED_FORMAT, FLOAT_FORMAT = 1, 2, 3
# Untrusted: more pages are not searched for the picture.
_MOST_PAGES = 1000


class Page:
    """How one picture of a file is stored.

    Attributes:
        data: bytes of the file.
        at: offset of its directory.
        first: whether it is the file's first page.
        next: offset of the following page's directory; 0 if it is the last.
        height: in pixels.
        width: in pixels.
        samples: per pixel, including extra ones.
        bits: of each sample.
        photometric: what the samples stand for.
        extra: kinds of the extra samples; None if the file does not say.
        turn: EXIF orientation, 1..8.
        overwritten: whether its directory contains entries that no writer makes.
        tiled: whether it is stored in tiles, not strips.
        segment_width: width of a tile, or of the picture.
        segment_height: height of a tile, or rows per strip.
    """

    def __init__(self, data: ifd.Block, at: int) -> None:
        found, link = ifd.entries(data, at)
        self.at = at
        self.first = at == ifd.first_in_file(data)
        self.next = ifd.next_directory(data, link)
        self._entries = {entry.number: entry for entry in found}
        self.overwritten = any(not ifd.is_known(entry) for entry in found)
        self.data = data
        self.height, self.width = self.number(HEIGHT, 0), self.number(WIDTH, 0)
        self.turn = ifd.orientation_in(data, self._entries[ORIENTATION]) or 1 if ORIENTATION in self._entries else 1
        bits = self.first_numbers(BITS, 64) or (1,)
        self.samples = self.number(SAMPLES, len(bits))
        self.bits = bits[: self.samples]  # some writers list four for three
        self.photometric = self.number(PHOTOMETRIC, RGB if self.samples in (3, 4) else BLACK_IS_ZERO)
        self.compression = self.number(COMPRESSION, 1)
        self.extra = self.first_numbers(EXTRA, 16) if EXTRA in self._entries else None
        self.tiled = TILE_WIDTH in self._entries
        self.segment_width = self.number(TILE_WIDTH, 0) if self.tiled else self.width
        rows = self.number(ROWS_PER_STRIP, 0) or self.height
        self.segment_height = self.number(TILE_HEIGHT, 0) if self.tiled else min(rows, self.height)
        self.size = 2 + 12 * len(found)

    def has(self, tag: int) -> bool:
        """Whether a tag is there, readable or not."""
        return tag in self._entries

    def is_unreadable(self, tag: int) -> bool:
        """Whether a tag is there, but has no values, values outside the file, or not those that it must have."""
        entry = self._entries.get(tag)
        if entry is None:
            return False
        if tag == ORIENTATION:
            return ifd.orientation_in(self.data, entry) is None
        return entry.stop == entry.start or (tag != ICC and entry.kind not in ifd.UNSIGNED)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag, or the default if the tag is missing or not an unsigned integer."""
        entry = self._entries.get(tag)
        value = ifd.number_in(self.data, entry) if entry else None
        return default if value is None else value

    def numbers(self, tag: int) -> NDArray[np.uint64]:
        """All values of a tag; empty if it is missing or not of unsigned integers."""
        entry = self._entries.get(tag)
        code = ifd.UNSIGNED.get(entry.kind) if entry else None
        if entry is None or code is None:
            return np.zeros(0, np.uint64)
        kind = np.dtype(ifd.byte_order(self.data) + code)
        return np.frombuffer(bytes(self.data[entry.start : entry.stop]), kind).astype(np.uint64)

    def first_numbers(self, tag: int, most: int) -> tuple[int, ...]:
        """At most ``most`` values of a tag."""
        entry = self._entries.get(tag)
        code = ifd.UNSIGNED.get(entry.kind) if entry else None
        if entry is None or code is None:
            return ()
        count = min(most, (entry.stop - entry.start) // struct.calcsize("=" + code))
        return struct.unpack_from(f"{ifd.byte_order(self.data)}{count}{code}", self.data, entry.start)

    def content(self, tag: int) -> bytes:
        """The bytes of a tag; empty if it is missing."""
        entry = self._entries.get(tag)
        return bytes(self.data[entry.start : entry.stop]) if entry else b""

    def real(self, tag: int) -> float | None:
        """The first value of a tag of any kind of number; None if it is missing."""
        entry = self._entries.get(tag)
        code = {**ifd.UNSIGNED, 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 17: "q"}.get(entry.kind) if entry else None
        if entry is None or code is None or entry.stop == entry.start:
            return None
        values: tuple[float, ...] = struct.unpack_from(ifd.byte_order(self.data) + code, self.data, entry.start)
        return float(values[0])

    @property
    def apart(self) -> bool:
        """Whether each channel is stored as a plane of its own."""
        return self.samples > 1 and self.number(PLANAR, 1) == 2

    @property
    def subsampling(self) -> tuple[int, int]:
        """Width and height of the blocks of pixels that share their color, of YCbCr."""
        across, down, *_ = (*self.first_numbers(SUBSAMPLING, 2), 2, 2)
        return across, down

    @property
    def reduced(self) -> bool:
        """Whether it is a thumbnail or a transparency mask of another page."""
        mask = self.photometric == MASK or bool(self.number(NEW_SUBFILE, 0) & 4)
        return mask or bool(self.number(NEW_SUBFILE, 0) & 1) or self.number(SUBFILE, 0) == 2

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width turned upright."""
        return (self.width, self.height) if self.turn >= 5 else (self.height, self.width)


def is_tiff(data: ifd.Block) -> bool:
    """Whether a file begins like TIFF or BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def main_page(data: ifd.Block) -> tuple[Page, bool]:
    """The page that is the picture: the first; if that is a thumbnail, the largest of full resolution.

    Returns:
        The page, and whether the file contains further pages.

    Raises:
        BrokenDirectoryError: the first directory is broken.
    """
    first = Page(data, ifd.first_in_file(data))
    if not first.reduced:
        return first, first.next != 0
    found = _pages(data, first)
    full = [page for page in found if not page.reduced and page.width * page.height] or found
    best = max(full, key=lambda page: page.width * page.height)
    return best, len(found) > 1


def _pages(data: ifd.Block, first: Page) -> list[Page]:
    """The chain of pages, and the pages below each, up to the first broken one."""
    found, seen = [first], {first.at, 0}
    left = len(data) - first.size  # tables that overlap would make a small file slow
    waiting = [first.next, *first.first_numbers(SUB_DIRECTORIES, _MOST_PAGES)][::-1]
    while waiting and len(found) < _MOST_PAGES:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        try:
            page = Page(data, at)
        except ifd.BrokenDirectoryError:
            continue
        left -= page.size
        if left < 0:
            break
        found.append(page)
        waiting += [page.next, *page.first_numbers(SUB_DIRECTORIES, _MOST_PAGES)][::-1]
    return found
