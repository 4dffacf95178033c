"""The frames of an APNG file (PNG specification, third edition, clause 11.3.6)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

from restore.imaging.animation.stored import Disposal, Piece, Stored, within_limit
from restore.imaging.png import chunks as png_chunks
from restore.imaging.png.writer import PNG_SIGNATURE, png_chunk

_DISPOSALS: tuple[Disposal, ...] = ("keep", "clear", "restore")


class _BrokenError(Exception):
    """A chunk of the animation is damaged."""


@dataclass
class _Parts:
    """Control chunks and image data of the frames, in order.

    Attributes:
        count: of frames, by the file's acTL chunk; None without one.
        plays: likewise.
        still_apart: whether the image data of the still picture are no frame.
        end: bytes up to the end of the last whole chunk.
        whole: whether the file has its end.
    """

    count: int | None = None
    plays: int = 0
    still_apart: bool = False
    controls: list[bytes] = field(default_factory=list)
    data: list[list[memoryview]] = field(default_factory=list)
    end: int = len(PNG_SIGNATURE)
    whole: bool = True


def read(data: bytes, pixel_limit: int) -> Stored | None:
    """The animation in a PNG file; None if it has none. Damage costs the frames from there on.

    Raises:
        ImageError: the frames have more pixels than the limit.
        ValueError: the still picture's chunks are damaged.
    """
    parts = _parts(data)
    if parts.count is None or not parts.controls:
        return None
    if not parts.whole:
        data = data[: parts.end] + png_chunk(b"IEND", b"")
    chunks = png_chunks.parse(data)
    stored = Stored(
        data,
        chunks.width,
        chunks.height,
        parts.plays,
        gray=chunks.is_gray,
        deep=chunks.bits == 16,
        still_apart=parts.still_apart,
        declared=max(parts.count, len(parts.controls)),
        cut=not parts.whole,
    )
    stored.pieces.extend(within_limit(_pieces(parts, chunks), lambda: chunks.width * chunks.height, pixel_limit))
    return stored


def _parts(data: bytes) -> _Parts:
    parts = _Parts()
    try:
        _read_chunks(data, parts)
    except ValueError:  # truncated
        parts.whole = False
    except _BrokenError:
        pass  # the count of frames shows it
    return parts


def _read_chunks(data: bytes, parts: _Parts) -> None:
    view = memoryview(data)
    sequence, still = 0, False
    for name, at, length in png_chunks.walk(data):
        content = view[at : at + length]
        if name in (b"fcTL", b"fdAT", b"acTL"):
            _check(view, at, length)
        if name == b"acTL" and parts.count is None and length == 8:
            parts.count, parts.plays = struct.unpack(">II", content)
        elif name in (b"fcTL", b"fdAT") and parts.count is not None:
            if length < 4 or int.from_bytes(content[:4], "big") != sequence or (name == b"fcTL" and length != 26):
                raise _BrokenError
            sequence += 1
            if name == b"fcTL":
                parts.controls.append(bytes(content[4:]))
                parts.data.append([])
            elif parts.data:
                parts.data[-1].append(content[4:])
        elif name == b"IDAT":
            if not still and not parts.controls:
                parts.still_apart = True
            elif not parts.still_apart:
                parts.data[0].append(content)
            still = True
        parts.end = at + length + 4


def _check(view: memoryview, at: int, length: int) -> None:
    if zlib.crc32(view[at - 4 : at + length]) != int.from_bytes(view[at + length : at + length + 4], "big"):
        raise _BrokenError


def _pieces(parts: _Parts, chunks: png_chunks.Chunks) -> Iterator[Piece]:
    """Those before the first that the file does not hold, or that lies outside the picture."""
    clear = chunks.color in (png_chunks.GRAY_ALPHA, png_chunks.RGB_ALPHA) or b"tRNS" in chunks.ancillary
    for control, data in zip(parts.controls, parts.data, strict=True):
        width, height, left, top, number, unit, disposal, blend = struct.unpack(">IIIIHHBB", control)
        inside = 0 < width <= chunks.width - left and 0 < height <= chunks.height - top
        if not inside or disposal > 2 or blend > 1 or not data:
            return
        yield Piece(
            left,
            top,
            width,
            height,
            Fraction(number, unit or 100),
            _DISPOSALS[disposal],
            over=blend == 1,
            clear=clear,
            file=partial(png_chunks.for_decoders, replace(chunks, width=width, height=height, data=data, notes=[])),
        )
