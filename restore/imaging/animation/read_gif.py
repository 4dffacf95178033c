"""The frames of a GIF file (Graphics Interchange Format, version 89a)."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

from restore.imaging.animation.stored import Disposal, Piece, Stored, within_limit
from restore.imaging.gif import after_blocks
from restore.utils.regular_file import open_regular

_EXTENSION, _FRAME, _TRAILER, _CONTROL, _APPLICATION = 0x21, 0x2C, 0x3B, 0xF9, 0xFF
_PALETTE = 0x80
# Some writers use 4 for "restore".
_DISPOSALS: dict[int, Disposal] = {2: "clear", 3: "restore", 4: "restore"}
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

Data = bytes | mmap.mmap


def is_animated(path: Path) -> bool:
    """Whether a file is GIF and has more than one whole frame; False if it cannot be read."""
    with suppress(OSError, ValueError, IndexError), open_regular(path) as file:
        if file.read(4) == b"GIF8":
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return len(list(islice(_Reader(data).pieces(), 2))) > 1
    return False


def read(data: bytes, pixel_limit: int) -> Stored:
    """The animation in a GIF file; damage at its end costs the frames from there on.

    Raises:
        ImageError: the frames have more pixels than the limit.
    """
    reader = _Reader(data)
    stored = Stored(data, 0, 0)

    def pieces() -> Iterator[Piece]:
        with suppress(IndexError):
            yield from reader.pieces()

    stored.pieces.extend(within_limit(pieces(), lambda: reader.width * reader.height, pixel_limit))
    stored.width, stored.height, stored.plays = reader.width, reader.height, reader.plays
    stored.declared, stored.cut = reader.begun, not reader.ended
    return stored


class _Reader:
    """Reads a file block by block; IndexError means that it breaks off."""

    def __init__(self, data: Data) -> None:
        self.plays = 1
        self.begun = 0
        self.ended = False
        self._data = data
        self.width, self.height = _number(data, 6), _number(data, 8)

    def pieces(self) -> Iterator[Piece]:
        data, at = self._data, 13
        size = _palette_bytes(data[10])
        colors = bytes(data[at : at + size])
        at += size
        control = bytes(4)
        while True:
            kind = data[at]
            if kind == _EXTENSION:
                label, start = data[at + 1], at + 2
                at = after_blocks(data, start)
                if label == _CONTROL and data[start] >= 4:
                    control = bytes(data[start + 1 : start + 5])
                elif label == _APPLICATION and data[start] == 11:
                    self._read_plays(start)
            elif kind == _FRAME:
                self.begun += 1
                start = at + 10 + _palette_bytes(data[at + 9])
                stop = after_blocks(data, start + 1)  # after the size of the codes
                piece = self._piece(at, stop, control, colors)
                if self.begun == 1:
                    self.width = max(self.width, piece.left + piece.width)
                    self.height = max(self.height, piece.top + piece.height)
                yield piece
                at, control = stop, bytes(4)
            elif kind != _TRAILER and (kind == 0 or not self.begun):
                at += 1  # stray bytes
            else:
                self.ended = kind == _TRAILER
                return

    def _piece(self, at: int, stop: int, control: bytes, colors: bytes) -> Piece:
        left, top, width, height = (_number(self._data, at + n) for n in (1, 3, 5, 7))
        return Piece(
            left,
            top,
            width,
            height,
            Fraction(int.from_bytes(control[1:3], "little"), 100),
            _DISPOSALS.get(control[0] >> 2 & 7, "keep"),
            over=True,
            clear=bool(control[0] & 1),
            file=partial(_still, self._data, at, stop, control, colors),
        )

    def _read_plays(self, start: int) -> None:
        data = self._data
        if data[start + 1 : start + 12] in _LOOPS and data[start + 12] == 3 and data[start + 13] & 7 == 1:
            # The number counts repetitions.
            repeats = _number(data, start + 14)
            self.plays = repeats + 1 if repeats else 0


def _still(data: Data, at: int, stop: int, control: bytes, colors: bytes) -> bytes:
    """A file of one frame alone, which fills its canvas."""
    flags = bytes([0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0])
    key = b"!\xf9\4\1\0\0" + control[3:4] + b"\0" if control[0] & 1 else b""
    size = data[at + 5 : at + 9]
    return b"".join([b"GIF89a", size, flags, b"\0\0", colors, key, b",\0\0\0\0", data[at + 5 : stop], b";"])


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _PALETTE else 0


def _number(data: Data, at: int) -> int:
    return data[at] | data[at + 1] << 8
