"""What Pillow does not say of a GIF file: where its first frame lies, and its metadata.

(Graphics Interchange Format, version 89a; XMP specification, part 3.)
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_EXTENSION, _FRAME, _TRAILER, _COMMENT, _APPLICATION = 0x21, 0x2C, 0x3B, 0xFE, 0xFF
_PALETTE = 0x80
# Behind an XMP packet, so that readers of blocks find its end: 1, 255, 254, ... 0, and the end of the blocks.
XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
_MOST_COMMENTS = 100


@dataclass
class Gif:
    """A GIF file's first frame and metadata.

    Attributes:
        box: left, top, right and bottom of the frame, in pixels.
        frames: how many there are.
        comments: as stored, at most a hundred.
        xmp: the packet.
        icc: the color profile.
    """

    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    frames: int = 0
    comments: list[bytes] = field(default_factory=list)
    xmp: bytes | None = None
    icc: bytes | None = None


def parse(data: bytes) -> Gif:
    """Read a file's blocks up to its end, or to where it is damaged."""
    found = Gif()
    with suppress(IndexError):  # it breaks off; whether that matters shows when the first frame is decoded
        _read(data, found)
    return found


def with_uncovered(alpha: NDArray[np.uint8] | None, found: Gif, height: int, width: int) -> NDArray[np.uint8] | None:
    """Alpha (H, W) of a picture whose first frame may be smaller than the picture: the rest is transparent."""
    left, top, right, bottom = found.box
    if found.frames == 0 or ((left, top) == (0, 0) and right >= width and bottom >= height):
        return alpha
    covered = np.zeros((height, width), np.uint8)
    covered[top:bottom, left:right] = 255 if alpha is None else alpha[top:bottom, left:right]
    return covered


def _read(data: bytes, found: Gif) -> None:
    at = 13
    if data[10] & _PALETTE:
        at += 3 << ((data[10] & 7) + 1)
    while True:
        kind = data[at]
        if kind == _EXTENSION:
            label, start = data[at + 1], at + 2
            at = after_blocks(data, start)
            _read_extension(data, label, start, at, found)
        elif kind == _FRAME:
            flags = data[at + 9]
            if found.frames == 0:
                x, y, width, height = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (1, 3, 5, 7))
                found.box = (x, y, x + width, y + height)
            found.frames += 1
            at += 10 + ((3 << ((flags & 7) + 1)) if flags & _PALETTE else 0)
            at = after_blocks(data, at + 1)  # after the size of the codes
        elif kind != _TRAILER and (kind == 0 or not found.frames):
            at += 1  # stray bytes, which Pillow passes over, too
        else:
            return


def _read_extension(data: bytes, label: int, start: int, stop: int, found: Gif) -> None:
    if label == _COMMENT and len(found.comments) < _MOST_COMMENTS:
        found.comments.append(_joined(data, start))
    elif label == _APPLICATION and data[start] == 11:
        name = data[start + 1 : start + 12]
        packet = data[start + 12 : stop]
        if name == b"XMP DataXMP" and packet.endswith(XMP_TRAILER):
            found.xmp = found.xmp or packet.removesuffix(XMP_TRAILER)
        elif name == b"ICCRGBG1012":
            found.icc = found.icc or _joined(data, start + 12)


def after_blocks(data: bytes | mmap.mmap, at: int) -> int:
    """The position behind a series of blocks that begins at ``at``. IndexError: they break off."""
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _joined(data: bytes, at: int) -> bytes:
    parts = []
    while data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)
