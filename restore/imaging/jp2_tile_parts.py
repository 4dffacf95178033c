"""Tile-parts of JPEG 2000 codestreams (ISO/IEC 15444-1, A.4.2), which some writers count wrongly."""

from __future__ import annotations

import struct

from restore.imaging.boxes import boxes

_CODESTREAM, _TILE_PART = b"\xff\x4f\xff\x51", 0xFF90
_MOST = 2**20  # more than any picture has


def counted(data: bytes) -> bytes:
    """A JPEG 2000 file without wrong numbers of tile-parts; the same object if there are none.

    Some writers declare one tile-part less than a tile has. OpenJPEG then reads other tiles before the last part comes,
    and refuses the file. The number may be left out (0), so it is where it is wrong.
    """
    start, stop = _span(data)
    at = _first_part(data, start, stop)
    counts: list[int] = []
    wrong = False
    while at + 12 <= stop and len(counts) < _MOST:
        marker, _, _, length, number, count = struct.unpack_from(">HHHIBB", data, at)
        if marker != _TILE_PART:
            break
        counts.append(at + 11)
        wrong |= 0 < count <= number
        at = at + length if length >= 12 else stop  # 0: up to the end
    if not wrong:
        return data
    mended = bytearray(data)
    for place in counts:
        mended[place] = 0
    return bytes(mended)


def _span(data: bytes) -> tuple[int, int]:
    """Where the codestream begins and ends."""
    if data.startswith(_CODESTREAM):
        return 0, len(data)
    found = next((box for box in boxes(data) if box.kind == b"jp2c"), None) if data[4:8] == b"jP  " else None
    return (found.start, found.stop) if found else (0, 0)


def _first_part(data: bytes, start: int, stop: int) -> int:
    """Where the first tile-part begins: behind the segments of the main header."""
    at = start + 2
    while at + 4 <= stop:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _TILE_PART:
            return at
        if length < 2:
            break
        at += 2 + length
    return stop
