"""TIFF files made by hand from tags and strips, by the standard's text."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

SHORT, LONG, FLOAT, LONG8 = 3, 4, 11, 16
_CODES = {1: "B", 2: "B", SHORT: "H", LONG: "I", FLOAT: "f", 12: "d", LONG8: "Q"}

Tags = dict[int, tuple[int, Sequence[float]]]


class HandmadePage(NamedTuple):
    """A page: its own tags without those of the strips, its strips, and the pages below it."""

    tags: Tags
    strips: Sequence[bytes]
    below: Sequence[HandmadePage] = ()


def plain_tags(height: int, width: int, bits: Sequence[int], photometric: int, **more: int) -> Tags:
    """Tags of an uncompressed picture in strips of ``rows`` rows."""
    return {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, bits),
        259: (SHORT, [more.get("compression", 1)]),
        262: (SHORT, [photometric]),
        277: (SHORT, [len(bits)]),
        278: (LONG, [more.get("rows", height)]),
    }


def tiff_file(*pages: HandmadePage, order: str = "<", big: bool = False) -> bytes:
    """The file; ``order`` is of the header and the tags, and the strips are the caller's."""
    data = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42))
    data += struct.pack(order + "HHQ", 8, 0, 0) if big else bytes(4)
    link = len(data) - (8 if big else 4)
    for page in pages:
        at, following = _directory(data, page, order, big)
        struct.pack_into(order + ("Q" if big else "I"), data, link, at)
        link = following
    return bytes(data)


def _directory(data: bytearray, page: HandmadePage, order: str, big: bool) -> tuple[int, int]:
    """Append a page; the positions of its directory and of its link."""
    places = []
    for strip in page.strips:
        places.append(len(data))
        data += strip + bytes(len(strip) % 2)
    tags: Tags = {273: (LONG, places), 279: (LONG, [len(s) for s in page.strips]), **page.tags}
    if page.below:
        tags[330] = (LONG, [_directory(data, below, order, big)[0] for below in page.below])
    offset, inline = ("Q", 8) if big else ("I", 4)
    table = b""
    for number, (kind, values) in sorted(tags.items()):
        raw = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        table += struct.pack(order + "HH" + offset, number, kind, len(values))
        if len(raw) > inline:
            table += struct.pack(order + offset, len(data))
            data += raw + bytes(len(raw) % 2)
        else:
            table += raw.ljust(inline, b"\0")
    at = len(data)
    data += struct.pack(order + ("Q" if big else "H"), len(tags)) + table
    link = len(data)
    data += bytes(inline)
    return at, link
