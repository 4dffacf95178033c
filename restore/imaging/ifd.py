"""Image file directories: the tag tables of TIFF files and EXIF blocks (TIFF 6.0, section 2).

Values are kept as raw bytes in the block's byte order, so tags that we do not understand survive unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from typing import Literal

Order = Literal["<", ">"]
# What directories can be read from.
Block = bytes | bytearray | mmap

EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset({EXIF_POINTER, GPS_POINTER, INTEROP_POINTER})
# Bytes per value of each type, from BYTE to IFD and UTF-8.
_WIDTH = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7
UTF8 = 129  # since EXIF 3.0


class BrokenDirectoryError(ValueError):
    """The directory tables are inconsistent."""


@dataclass
class Tag:
    """One entry.

    Attributes:
        number: the tag's number.
        kind: the TIFF type of its values.
        count: number of values.
        value: the values' bytes, in the block's byte order.
        children: entries of the directory that the tag points to, for the EXIF, GPS and interoperability pointers.
    """

    number: int
    kind: int
    count: int
    value: bytes
    children: list[Tag] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """Position of an entry in a block: its own 12 bytes begin at ``at``, its values span ``start`` .. ``stop``."""

    number: int
    kind: int
    count: int
    at: int
    start: int
    stop: int


def byte_order(block: Block) -> Order:
    """The byte order, ``<`` or ``>``, for :mod:`struct`.

    Raises:
        BrokenDirectoryError: the block does not begin with a TIFF header.
    """
    if len(block) >= 8 and block[:4] == b"II*\0":
        return "<"
    if len(block) >= 8 and block[:4] == b"MM\0*":
        return ">"
    raise BrokenDirectoryError("no TIFF header")


def first_directory(block: Block) -> int:
    """Offset of the first directory."""
    return int(struct.unpack_from(byte_order(block) + "I", block, 4)[0])


def entries(block: Block, at: int) -> tuple[list[Entry], int]:
    """The entries of the directory at ``at``, and the position of the link to the next directory.

    An entry of unknown type, or with values outside the block, gets an empty span: some writers leave such entries.

    Raises:
        BrokenDirectoryError: the directory does not fit in the block.
    """
    order = byte_order(block)
    if not 8 <= at <= len(block) - 2:
        raise BrokenDirectoryError(f"a directory at {at} of {len(block)} bytes")
    (count,) = struct.unpack_from(order + "H", block, at)
    end = at + 2 + 12 * count
    if end > len(block):
        raise BrokenDirectoryError(f"a directory of {count} entries in {len(block) - at} bytes")
    found = []
    for place in range(at + 2, end, 12):
        number, kind, values, offset = struct.unpack_from(order + "HHII", block, place)
        length = _WIDTH.get(kind, 0) * values
        start = place + 8 if length <= 4 else offset
        if start + length > len(block):
            start, length = place + 8, 0
        found.append(Entry(number, kind, values, place, start, start + length))
    return found, end


def number_in(block: Block, entry: Entry) -> int | None:
    """The first value of a BYTE, SHORT or LONG entry; None for other types."""
    code = {BYTE: "B", SHORT: "H", LONG: "I", 13: "I"}.get(entry.kind)
    if code is None or entry.stop == entry.start:
        return None
    return int(struct.unpack_from(byte_order(block) + code, block, entry.start)[0])


def read_tags(block: bytes, at: int, wanted: Callable[[int], bool] | None = None) -> list[Tag]:
    """Read a directory with its values and subdirectories; entries without values are skipped.

    Args:
        block: contains the directory.
        at: offset of the directory.
        wanted: whether to read a tag of this directory, given its number (default: all).

    Raises:
        BrokenDirectoryError: a directory does not fit in the block, or its values together are larger than the block.
    """
    left = len(block)  # byte budget over all directories: a small file must not expand to gigabytes

    def read(at: int, depth: int) -> list[Tag]:
        nonlocal left
        tags = []
        for entry in entries(block, at)[0]:
            if entry.stop == entry.start or (depth == 0 and wanted is not None and not wanted(entry.number)):
                continue
            left -= entry.stop - entry.start
            if left < 0:
                raise BrokenDirectoryError("overlapping values")
            tag = Tag(entry.number, entry.kind, entry.count, bytes(block[entry.start : entry.stop]))
            if entry.number in _POINTERS:
                below = number_in(block, entry)
                if below is None or depth == 2:
                    continue
                tag.children = read(below, depth + 1)
            tags.append(tag)
        return tags

    return read(at, 0)


def write_tags(tags: Sequence[Tag], order: Order, at: int) -> bytes:
    """A directory to be placed at offset ``at`` (even), followed by its values and subdirectories."""
    tags = sorted(tags, key=lambda tag: tag.number)
    table = bytearray(struct.pack(order + "H", len(tags)))
    behind = bytearray()
    base = at + 2 + 12 * len(tags) + 4
    for tag in tags:
        place = base + len(behind)
        if tag.children:
            below = write_tags(tag.children, order, place)
            table += struct.pack(order + "HHII", tag.number, LONG, 1, place)
            behind += below
        elif len(tag.value) <= 4:
            table += struct.pack(order + "HHI", tag.number, tag.kind, tag.count) + tag.value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "HHII", tag.number, tag.kind, tag.count, place)
            behind += tag.value
        behind += b"\0" * (len(behind) % 2)
    return bytes(table) + b"\0\0\0\0" + bytes(behind)


def header(order: Order, first: int) -> bytes:
    """The eight-byte TIFF header."""
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first)
