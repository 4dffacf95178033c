"""Boxes, of which AVIF, HEIF, JPEG 2000 and JPEG XL files consist (ISO/IEC 14496-12, clause 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

Data = bytes | mmap
# More boxes on one level than any picture has.
_MOST = 4096


class Box(NamedTuple):
    """A type of four characters and the span of the content."""

    kind: bytes
    start: int
    stop: int


def boxes(data: Data, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """The boxes of one level, up to the first that is broken; one that claims more than is there ends where that ends.

    Args:
        data: the file.
        start: where the first box begins.
        stop: where the enclosing box ends (default: the file's end).
    """
    stop = len(data) if stop is None else stop
    for _ in range(_MOST):
        if start + 8 > stop:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and start + 16 <= stop:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        end = stop if size == 0 else min(start + size, stop)
        if end < content:
            return
        yield Box(kind, content, end)
        start = end


def ends_early(data: Data) -> bool:
    """Whether the last box of a file claims more than the file contains."""
    found = list(boxes(data))
    if not found or found[-1].stop < len(data):
        return False
    last = found[-1]
    at = last.start - 8
    size, kind = struct.unpack_from(">I4s", data, at)
    if kind != last.kind:  # the length has 64 bits and stands behind the type
        at -= 8
        (size,) = struct.unpack_from(">Q", data, at + 8)
    return bool(at + size > len(data))


def inside(data: Data, *path: bytes) -> Box | None:
    """The first box at the end of a path of types, such as ``meta``, ``iprp``."""
    found = Box(b"", 0, len(data))
    for kind in path:
        start = found.start + (4 if found.kind == b"meta" else 0)  # version and flags
        below = next((box for box in boxes(data, start, found.stop) if box.kind == kind), None)
        if below is None:
            return None
        found = below
    return found
