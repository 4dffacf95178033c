"""Write GIF, animated or not (Graphics Interchange Format, version 89a)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.imaging.animation.changes import Box, alpha_of, box_around
from restore.imaging.animation.palette import indexed
from restore.imaging.animation.timing import Clock
from restore.imaging.gif import XMP_TRAILER, after_blocks
from restore.imaging.picture import Picture, to8

Mask = NDArray[np.bool_]

_CLEAR, _KEEP = 2 << 2, 1 << 2
_HARD_ALPHA = "soft transparency (made hard)"
_FEW_COLORS = "more than 256 colors per frame"
_COARSE_TIME = "the exact timing (rounded to hundredths of a second)"


@dataclass(frozen=True)
class _Waiting:
    """A frame that waits for the next one, which decides what happens to its area.

    Attributes:
        pixels: RGB (H, W, 3).
        drawn: pixels to draw; the others are left as they are.
        opaque: what is visible once it is drawn.
        duration: in hundredths of a second.
        first: whether it is the first frame, which covers the canvas.
    """

    pixels: NDArray[np.uint8]
    drawn: Mask
    opaque: Mask
    duration: int
    first: bool = False

    def box(self, erased: Mask | None = None) -> Box:
        """The rectangle that contains what is drawn, and what is to be erased afterwards."""
        if self.first:
            return Box(0, 0, *self.drawn.shape)
        return box_around(self.drawn if erased is None else self.drawn | erased)


class GifWriter:
    """Each frame draws the pixels that changed, with a palette of its own.

    Dithering is left out: pixels would flicker where neighboring frames differ, and files would grow.
    """

    def __init__(self, held: Picture, plays: int) -> None:
        """Begin a file.

        Args:
            held: of the canvas's size, with the metadata.
            plays: 0 for endlessly.
        """
        self._clock = Clock(Fraction(1, 100), least=2)  # viewers show shorter frames for a tenth of a second
        self._waiting: _Waiting | None = None
        self._gone: dict[str, None] = {}
        self._file = io.BytesIO()
        self._file.write(b"GIF89a" + struct.pack("<HHBBB", held.size[1], held.size[0], 0, 0, 0))
        if plays != 1:
            repeats = min(plays - 1, 2**16 - 1) if plays else 0
            self._file.write(_extension(0xFF, b"NETSCAPE2.0", b"\1" + struct.pack("<H", repeats)))
        self._write_metadata(held)

    def add(self, picture: Picture, duration: Fraction | None) -> list[Callable[[], bytes]]:
        assert duration is not None
        pixels = to8(picture.pixels)
        pixels = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
        alpha = to8(alpha_of(picture))
        opaque: Mask = alpha >= 128
        if ((alpha > 0) & (alpha < 255)).any():
            self._gone[_HARD_ALPHA] = None
        units = self._clock.units(duration)
        before = self._waiting
        if before is None:
            self._waiting = _Waiting(pixels, opaque, opaque, units, first=True)
            return []
        # What becomes transparent again is erased after the frame before, with all of that frame's rectangle.
        erased = before.opaque & ~opaque
        box = before.box(erased)
        there = before.opaque
        if erased.any():
            there = there.copy()
            there[box.place] = False
        drawn = opaque & ~(there & (pixels == before.pixels).all(axis=2))
        self._waiting = _Waiting(pixels, drawn, opaque, units)
        return [partial(self._pack, before, box, bool(erased.any()))]

    def finish(self) -> list[Callable[[], bytes]]:
        last, self._waiting = self._waiting, None
        return [] if last is None else [partial(self._pack, last, last.box(), False)]

    def write(self, packed: bytes) -> None:
        self._file.write(packed)

    def close(self) -> memoryview:
        self._file.write(b";")
        return self._file.getbuffer()

    def lost(self) -> list[str]:
        return [*self._gone, *([_COARSE_TIME] if self._clock.inexact else [])]

    def _pack(self, frame: _Waiting, box: Box, clear: bool) -> bytes:
        mask = frame.drawn[box.place]
        # Some viewers clear to the background color unless the frame has a transparent one.
        whole = bool(mask.all()) and not clear
        places, colors, exact = indexed(frame.pixels[box.place][mask], 256 if whole else 255)
        if not exact:
            self._gone[_FEW_COLORS] = None
        hole = 0 if whole else len(colors)
        indices = np.full(box.size, hole, np.uint8)
        indices[mask] = places
        bits = max(1, (max(len(colors), hole + 1) - 1).bit_length())
        palette = colors.tobytes().ljust(3 << bits, b"\0")
        flags = (_CLEAR if clear else _KEEP) | (not whole)
        control = b"!\xf9\4" + struct.pack("<BHBB", flags, frame.duration, hole, 0)
        place = struct.pack("<HHHHB", box.left, box.top, box.size[1], box.size[0], 0x80 | bits - 1)
        return b"".join([control, b",", place, palette, _compressed(indices)])

    def _write_metadata(self, held: Picture) -> None:
        comments = [one.value.encode() for one in held.png_text]
        for comment in [*comments, *([held.comment] if held.comment else [])]:
            self._file.write(_extension(0xFE, *_blocks(comment)))
        if held.icc:
            self._file.write(_extension(0xFF, b"ICCRGBG1012", *_blocks(held.icc)))
        if held.xmp:
            self._file.write(b"!\xff\x0bXMP DataXMP" + held.xmp + XMP_TRAILER)


def holdable(picture: Picture) -> Picture:
    """The picture with only the metadata that GIF can hold."""
    comments = tuple(one for one in picture.png_text if one.keyword == "Comment")
    xmp = picture.xmp if picture.xmp and b"\0" not in picture.xmp else None
    return replace(picture, exif=None, iptc=None, xmp=xmp, png_text=comments)


def encode_still(picture: Picture) -> bytes:
    """A file of one frame."""
    writer = GifWriter(picture, plays=1)
    writer.add(picture, Fraction(0))
    for packing in writer.finish():
        writer.write(packing())
    return bytes(writer.close())


def lost_in_still(picture: Picture) -> list[str]:
    """What GIF cannot hold of a picture's pixels, in words for the user."""
    writer = GifWriter(picture, plays=1)
    writer.add(picture, Fraction(0))
    for packing in writer.finish():
        packing()
    return writer.lost()


def _extension(label: int, *blocks: bytes) -> bytes:
    return b"".join([bytes([0x21, label]), *(bytes([len(block)]) + block for block in blocks), b"\0"])


def _blocks(content: bytes) -> list[bytes]:
    return [content[at : at + 255] for at in range(0, len(content), 255)]


def _compressed(indices: NDArray[np.uint8]) -> bytes:
    """Image data of palette indices: the size of the codes, and blocks."""
    saved = io.BytesIO()
    Image.fromarray(indices).save(saved, "GIF", interlace=0, optimize=False)  # or unused indices are taken out
    data = saved.getvalue()
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while data[at] == 0x21:
        at = after_blocks(data, at + 2)
    start = at + 10 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
    return data[start : after_blocks(data, start + 1)]
