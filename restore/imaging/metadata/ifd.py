"""Image file directories: the tag tables of TIFF files and EXIF blocks (TIFF 6.0, section 2; BigTIFF, 2007).

BigTIFF has the same tables with 64-bit counts and offsets. Values are kept as raw bytes in the block's byte order, so
tags that we do not understand survive unchanged.
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
# Bytes per value of each type, from BYTE to IFD; BigTIFF's LONG8, SLONG8 and IFD8; UTF-8.
_WIDTH = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7
UTF8 = 129  # since EXIF 3.0
# Types of unsigned integers, for struct.
UNSIGNED = {BYTE: "B", SHORT: "H", LONG: "I", 13: "I", 16: "Q", 18: "Q"}

_SIGNED = {6: "b", 8: "h", 9: "i", 17: "q"}


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
    """Position of an entry in a block: its own 12 bytes (BigTIFF: 20) begin at ``at``, its values span
    ``start`` .. ``stop``."""

    number: int
    kind: int
    count: int
    at: int
    start: int
    stop: int


def byte_order(block: Block) -> Order:
    """The byte order, ``<`` or ``>``, for :mod:`struct`.

    Raises:
        BrokenDirectoryError: the block does not begin with a TIFF or BigTIFF header.
    """
    if len(block) >= 8 and block[:4] in (b"II*\0", b"II+\0"):
        return "<"
    if len(block) >= 8 and block[:4] in (b"MM\0*", b"MM\0+"):
        return ">"
    raise BrokenDirectoryError("no TIFF header")


def is_big(block: Block) -> bool:
    """Whether a block begins like BigTIFF."""
    return block[:4] in (b"II+\0", b"MM\0+")


def first_directory(block: Block) -> int:
    """Offset of the first directory of classic TIFF or an EXIF block.

    Raises:
        BrokenDirectoryError: the header is another's. An EXIF block cannot be BigTIFF.
    """
    if is_big(block):
        raise BrokenDirectoryError("64-bit offsets")
    return int(struct.unpack_from(byte_order(block) + "I", block, 4)[0])


def first_in_file(data: Block) -> int:
    """Offset of the first directory of a TIFF or BigTIFF file.

    Raises:
        BrokenDirectoryError: the header is another's or incomplete.
    """
    if not is_big(data):
        return first_directory(data)
    if len(data) < 16 or struct.unpack_from(byte_order(data) + "HH", data, 4) != (8, 0):
        raise BrokenDirectoryError("an incomplete BigTIFF header")
    return int(struct.unpack_from(byte_order(data) + "Q", data, 8)[0])


def entries(block: Block, at: int) -> tuple[list[Entry], int]:
    """The entries of the directory at ``at``, and the position of the link to the next directory.

    An entry of unknown type, or with values outside the block, gets an empty span: some writers leave such entries.

    Raises:
        BrokenDirectoryError: the directory does not fit in the block.
    """
    big = is_big(block)
    counter, table, inline = ("Q", "HHQQ", 8) if big else ("H", "HHII", 4)
    form = struct.Struct(byte_order(block) + table)
    begin = at + struct.calcsize("=" + counter)
    if not 8 <= at <= len(block) - 8 if big else not 8 <= at <= len(block) - 2:
        raise BrokenDirectoryError(f"a directory at {at} of {len(block)} bytes")
    (count,) = struct.unpack_from(byte_order(block) + counter, block, at)
    end = begin + form.size * count
    if end > len(block) or count > 65_535:
        raise BrokenDirectoryError(f"a directory of {count} entries in {len(block) - at} bytes")
    found = []
    for place in range(begin, end, form.size):
        number, kind, values, offset = form.unpack_from(block, place)
        length = _WIDTH.get(kind, 0) * values
        own = place + form.size - inline
        start = own if length <= inline else offset
        if start + length > len(block):
            start, length = own, 0
        found.append(Entry(number, kind, values, place, start, start + length))
    return found, end


def next_directory(block: Block, link: int) -> int:
    """Offset of the next directory, given the position of the link; 0 behind the last."""
    width, code = (8, "Q") if is_big(block) else (4, "I")
    if link + width > len(block):
        return 0
    return int(struct.unpack_from(byte_order(block) + code, block, link)[0])


def number_in(block: Block, entry: Entry) -> int | None:
    """The first value of an entry of unsigned integers; None for other types."""
    code = UNSIGNED.get(entry.kind)
    if code is None or entry.stop == entry.start:
        return None
    return int(struct.unpack_from(byte_order(block) + code, block, entry.start)[0])


def orientation_in(block: Block, entry: Entry) -> int | None:
    """The EXIF orientation in its entry, 1..8; None if it cannot be read.

    Some writers mean 1 by 0, and some store a signed number.
    """
    code = UNSIGNED.get(entry.kind) or _SIGNED.get(entry.kind)
    if code is None or entry.stop == entry.start:
        return None
    value = int(struct.unpack_from(byte_order(block) + code, block, entry.start)[0])
    return (value or 1) if 0 <= value <= 8 else None


def is_known(entry: Entry) -> bool:
    """Whether an entry has a type that exists; otherwise it was overwritten, and its number may be another tag's."""
    return entry.kind in _WIDTH


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
