"""IPTC records (IIM 4.2), and the image resources of Photoshop in which JPEG and TIFF files hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from restore.imaging.metadata.xmp_place import reads_as_coordinates

HEADER = b"Photoshop 3.0\0"  # of a JPEG segment
TIFF_TAG, TIFF_RESOURCES_TAG = 0x83BB, 0x8649
_RECORDS = 0x0404
_PATHS = range(0x07D0, 0x0BB7)
_MARK = 0x1C
# Of record 2: urgency, category, keywords, instructions, dates, program, authors, titles, credit, rights, contact,
# captions, writers, picture type, language. Not the location (26, 27, 90, 92, 95, 100, 101) or what nobody defined.
_KEPT = {1: frozenset({0, 90})}
_KEPT[2] = frozenset({0, 3, 4, 5, 7, 8, 10, 12, 15, 20, 22, 25, 30, 35, 37, 38, 40, 42, 55, 60, 62, 63, 65, 70, 75, 80})
_KEPT[2] |= {85, 103, 105, 110, 115, 116, 118, 120, 121, 122, 130, 131, 135}


def records(resources: bytes) -> bytes | None:
    """The IPTC records among Photoshop's image resources; None if there are none."""
    found = [content for number, content in _resources(resources) if number == _RECORDS]
    return b"".join(found) or None


def trimmed(records: bytes, order: str) -> bytes | None:
    """Records as TIFF files hold them, sometimes in words of their byte order and padded."""
    if records[:1] != bytes([_MARK]) and records[3:4] == bytes([_MARK]) and order == "<":
        whole = records[: len(records) // 4 * 4]
        records = struct.pack(f">{len(whole) // 4}I", *struct.unpack(f"<{len(whole) // 4}I", whole))
    return b"".join(found for *_, found in _datasets(records)) or None


def has_paths(resources: bytes) -> bool:
    """Whether there are clipping paths among Photoshop's image resources."""
    return any(number in _PATHS for number, _ in _resources(resources))


def resource(records: bytes) -> bytes:
    """The records as one of Photoshop's image resources."""
    return b"8BIM" + struct.pack(">HHI", _RECORDS, 0, len(records)) + records + b"\0" * (len(records) % 2)


def without_place(records: bytes) -> bytes | None:
    """Only records known not to tell the place, without texts that read as coordinates; None if none are left."""
    kept = [
        whole
        for record, number, value, whole in _datasets(records)
        if number in _KEPT.get(record, ())
        and not any(reads_as_coordinates(value.decode(encoding, "replace")) for encoding in ("utf-8", "latin-1"))
    ]
    return b"".join(kept) or None


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while data[at : at + 4] in (b"8BIM", b"PHUT", b"MeSa", b"AgHg", b"DCSR") and at + 12 <= len(data):
        (number,) = struct.unpack_from(">H", data, at + 4)
        at += 6 + (data[at + 6] + 2) // 2 * 2  # a name with its length, padded to even
        if at + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, at)
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Record, number, value, and the whole with its header."""
    at = 0
    while at + 5 <= len(data) and data[at] == _MARK:
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        start = at + 5
        if size & 0x8000:  # the length's own length
            start += size & 0x7FFF
            size = int.from_bytes(data[at + 5 : min(start, at + 13)], "big")
        stop = start + size
        if stop > len(data):
            return
        yield record, number, data[start:stop], data[at:stop]
        at = stop
