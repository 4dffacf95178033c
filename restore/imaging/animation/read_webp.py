"""The frames of an animated WebP file (RFC 9649, section 2.7)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from restore.imaging.animation.stored import Piece, Stored, within_limit

_ANIMATION, _ALPHA = 0x02, 0x10
_METADATA = frozenset({b"ICCP", b"EXIF", b"XMP "})


@dataclass
class _Parts:
    """Contents of the file's chunks: of the header, the animation, each frame; and whether the file has its end."""

    header: bytes = b""
    animation: bytes = b""
    frames: list[memoryview] = field(default_factory=list)
    metadata: list[tuple[bytes, memoryview]] = field(default_factory=list)
    whole: bool = True


def is_webp(data: bytes) -> bool:
    """Whether a file with this beginning is WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read(data: bytes, pixel_limit: int) -> Stored | None:
    """The animation in a WebP file; None if it has none. Damage costs the frames from there on.

    Raises:
        ImageError: the frames have more pixels than the limit.
    """
    parts = _parts(data)
    if len(parts.header) < 10 or not parts.header[0] & _ANIMATION:
        return None
    if not parts.frames:
        return None
    # libwebp refuses the whole file for one wrong frame.
    data = riff([(b"VP8X", parts.header), (b"ANIM", parts.animation), (b"ANMF", parts.frames[0]), *parts.metadata])
    width, height = (1 + int.from_bytes(parts.header[n : n + 3], "little") for n in (4, 7))
    plays = int.from_bytes(parts.animation[4:6], "little")
    stored = Stored(data, width, height, plays, background=parts.animation[:4] or None)
    stored.pieces.extend(within_limit(_pieces(parts, width, height), lambda: width * height, pixel_limit))
    stored.declared, stored.cut = len(parts.frames), not parts.whole
    return stored


def chunks_in(data: bytes | memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk.

    Raises:
        ValueError: the last one breaks off.
    """
    at, view = 0, memoryview(data)
    while at < len(view):
        if at + 8 > len(view):
            raise ValueError("truncated")
        name, length = struct.unpack_from("<4sI", view, at)
        if at + 8 + length > len(view):
            raise ValueError("truncated")
        yield name, at + 8, length
        at += 8 + length + length % 2


def chunk(name: bytes, content: bytes | memoryview) -> bytes:
    """A chunk with its length, padded to an even one."""
    return b"".join([name, struct.pack("<I", len(content)), content, bytes(len(content) % 2)])


def riff(chunks: Sequence[tuple[bytes, bytes | memoryview]]) -> bytes:
    """A WebP file of chunks."""
    content = b"".join([b"WEBP", *(chunk(name, part) for name, part in chunks)])
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _parts(data: bytes) -> _Parts:
    parts = _Parts()
    declared = 8 + int.from_bytes(data[4:8], "little")
    parts.whole = len(data) >= declared
    view = memoryview(data)[12:declared]
    try:
        for name, at, length in chunks_in(view):
            content = view[at : at + length]
            if name == b"VP8X" and not parts.header:
                parts.header = bytes(content)
            elif name == b"ANIM" and not parts.animation:
                parts.animation = bytes(content)
            elif name == b"ANMF":
                parts.frames.append(content)
            elif name in _METADATA:
                parts.metadata.append((name, content))
    except ValueError:
        parts.whole = False
    return parts


def _pieces(parts: _Parts, width: int, height: int) -> Iterator[Piece]:
    """Those before the first that lies outside the picture or has no pixels."""
    for frame in parts.frames:
        if len(frame) < 16:
            return
        numbers = [int.from_bytes(frame[n : n + 3], "little") for n in range(0, 15, 3)]
        left, top, wide, high, duration = 2 * numbers[0], 2 * numbers[1], 1 + numbers[2], 1 + numbers[3], numbers[4]
        try:
            inner = [(name, frame[16 + at : 16 + at + length]) for name, at, length in chunks_in(frame[16:])]
        except ValueError:
            return
        pixels = [(name, content) for name, content in inner if name in (b"ALPH", b"VP8 ", b"VP8L")]
        if left + wide > width or top + high > height or not pixels or pixels[-1][0] == b"ALPH":
            return
        lossless = pixels[-1][1] if pixels[-1][0] == b"VP8L" else b""
        yield Piece(
            left,
            top,
            wide,
            high,
            Fraction(duration, 1000),
            "clear" if frame[15] & 1 else "keep",
            over=not frame[15] & 2,
            clear=pixels[0][0] == b"ALPH" or bool(lossless[4:5] and lossless[4] & 0x10),
            file=partial(_still, wide, high, pixels),
        )


def _still(width: int, height: int, pixels: Sequence[tuple[bytes, memoryview]]) -> bytes:
    """A file of one frame alone, which fills its canvas."""
    if pixels[0][0] != b"ALPH":
        return riff(pixels[-1:])
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff([(b"VP8X", bytes([_ALPHA, 0, 0, 0]) + sides), pixels[0], pixels[-1]])
