"""EXIF and other metadata of a picture: kept, but updated where they would no longer be true.

For XMP see :mod:`.xmp_update`. EXIF blocks are edited in place, byte by byte: maker notes hold offsets into the block,
and parsing and rewriting the block would break them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace

from restore.imaging.metadata import exif_place, ifd, iptc, xmp_place
from restore.imaging.picture import Picture

ORIENTATION = 0x0112
_WIDTH_TAGS, _HEIGHT_TAGS = (0x0100, 0xA002), (0x0101, 0xA003)
_THUMBNAIL = {0x0201: 0x0202, 0x0111: 0x0117}  # offset tag: length tag

BROKEN_EXIF = "broken EXIF data dropped ({})"
_LOST_ORIENTATION = "damaged: the orientation in its EXIF data cannot be read, so it is not turned"
_OVERWRITTEN = "damaged: a part of its EXIF data is overwritten; its orientation may be lost"
# BigTIFF's 64-bit numbers, which an EXIF block cannot hold.
_BIG_KINDS = frozenset({16, 17, 18})
# Tags of a TIFF file's own directory that describe the picture rather than its storage: description, make, model,
# orientation, resolution and its unit, software, date, artist, host, rating, copyright, the Windows texts.
_DESCRIPTIVE = frozenset(
    {0x010E, 0x010F, 0x0110, ORIENTATION, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749}
    | {0x8298, *range(0x9C9B, 0x9CA0), ifd.EXIF_POINTER, ifd.GPS_POINTER}
)


def strip(picture: Picture) -> Picture:
    """Remove EXIF, XMP, IPTC, comments and texts; the color profile stays: the colors would change without it."""
    return replace(picture, exif=None, xmp=None, iptc=None, comment=None, png_text=())


def strip_place(picture: Picture) -> Picture:
    """Remove the place: only EXIF tags, XMP properties and IPTC records known not to reveal it stay.

    Texts that people wrote, such as captions and keywords, stay unless they read as coordinates. A block that cannot be
    searched is dropped entirely, and so is a file's comment, which may be anything.
    """
    from restore.imaging.png import text as png_text

    exif = picture.exif
    if exif is not None:
        try:
            exif = exif_place.without_place(exif)
        except ifd.BrokenDirectoryError:
            exif = None
    xmp = None if picture.xmp is None else xmp_place.without_place(picture.xmp)
    records = None if picture.iptc is None else iptc.without_place(picture.iptc)
    texts = png_text.without_place(picture.png_text)
    return replace(picture, exif=exif, xmp=xmp, iptc=records, comment=None, png_text=texts)


def orientation(exif: bytes) -> int | None:
    """The EXIF orientation, 1..8, by which the pixels must be turned; None if the block has none.

    Raises:
        BrokenDirectoryError: the block cannot be read.
    """
    return read_orientation(exif)[0]


def read_orientation(exif: bytes) -> tuple[int | None, str]:
    """The EXIF orientation as :func:`orientation` gives it, and a note if there is one that cannot be read.

    Raises:
        BrokenDirectoryError: the block cannot be read.
    """
    found = ifd.entries(exif, ifd.first_directory(exif))[0]
    for entry in found:
        if entry.number == ORIENTATION:
            value = ifd.orientation_in(exif, entry)
            return value or 1, "" if value else _LOST_ORIENTATION
    return None, "" if all(map(ifd.is_known, found)) else _OVERWRITTEN


def upright_exif(exif: bytes) -> bytes:
    """An EXIF block for upright pixels: orientation 1, and no thumbnail, which would show the old picture.

    Raises:
        BrokenDirectoryError: the block cannot be read.
    """
    block = bytearray(exif)
    _set(block, {ORIENTATION: 1}, kind=ifd.SHORT)
    before = _outline(block)
    _drop_thumbnail(block)
    if _outline(block) != before:
        raise ifd.BrokenDirectoryError("a thumbnail that overlaps other data")
    return bytes(block)


def sized(exif: bytes, height: int, width: int) -> bytes:
    """The block with its existing size tags set to ``height`` and ``width``; a broken block is returned unchanged."""
    block = bytearray(exif)
    try:
        _set(block, dict.fromkeys(_WIDTH_TAGS, width) | dict.fromkeys(_HEIGHT_TAGS, height), kind=ifd.LONG)
    except ifd.BrokenDirectoryError:
        return exif
    return bytes(block)


def from_tiff(data: bytes, at: int | None = None) -> bytes | None:
    """The EXIF block of a TIFF file: its descriptive tags, and the EXIF and GPS directories; None if it has none.

    Args:
        data: bytes of the file, which may be BigTIFF.
        at: offset of a page's directory (default: the first). What it lacks is taken from the first.

    Raises:
        BrokenDirectoryError: the file's directory cannot be read.
    """
    first = ifd.first_in_file(data)
    tags = ifd.read_tags(data, first, _DESCRIPTIVE.__contains__)
    if at not in (None, first):
        own = ifd.read_tags(data, at, _DESCRIPTIVE.__contains__)
        tags = own + [tag for tag in tags if tag.number not in {ORIENTATION, *(t.number for t in own)}]
    tags = [tag for tag in tags if tag.kind not in _BIG_KINDS or tag.children]
    if not tags:
        return None
    order = ifd.byte_order(data)
    return ifd.header(order, 8) + ifd.write_tags(tags, order, 8)


def tiff_tags(exif: bytes) -> tuple[list[ifd.Tag], ifd.Order]:
    """The tags of an EXIF block that belong in a TIFF file's own directory, and the byte order of their values.

    Raises:
        BrokenDirectoryError: the block cannot be read.
    """
    return ifd.read_tags(exif, ifd.first_directory(exif), _DESCRIPTIVE.__contains__), ifd.byte_order(exif)


def _directories(block: bytes | bytearray) -> Iterable[list[ifd.Entry]]:
    """The main directory and the EXIF directory.

    Raises:
        BrokenDirectoryError: there are several EXIF directories, which could expand to the square of the block's size.
    """
    main = ifd.entries(block, ifd.first_directory(block))[0]
    yield main
    pointers = [entry for entry in main if entry.number == ifd.EXIF_POINTER]
    if len(pointers) > 1:
        raise ifd.BrokenDirectoryError(f"{len(pointers)} EXIF directories")
    for entry in pointers:
        below = ifd.number_in(block, entry)
        if below is not None:
            yield ifd.entries(block, below)[0]


def _outline(block: bytes | bytearray) -> list[tuple[int, int, int]]:
    return [(e.number, e.kind, e.count) for found in _directories(block) for e in found]


def _set(block: bytearray, values: dict[int, int], kind: int) -> None:
    """Overwrite existing tags; none are added."""
    order = ifd.byte_order(block)
    for found in list(_directories(block)):
        for entry in found:
            if entry.number in values:
                struct.pack_into(order + "HHI", block, entry.at, entry.number, kind, 1)
                code = "HH" if kind == ifd.SHORT else "I"
                number = (values[entry.number], 0) if kind == ifd.SHORT else (values[entry.number],)
                struct.pack_into(order + code, block, entry.at + 8, *number)


def _drop_thumbnail(block: bytearray) -> None:
    order = ifd.byte_order(block)
    _, link = ifd.entries(block, ifd.first_directory(block))
    if link + 4 > len(block):  # some writers omit the link
        return
    (at,) = struct.unpack_from(order + "I", block, link)
    struct.pack_into(order + "I", block, link, 0)
    if not at:
        return
    try:
        found, _ = ifd.entries(block, at)
    except ifd.BrokenDirectoryError:
        return
    numbers = {entry.number: ifd.number_in(block, entry) or 0 for entry in found}
    for start, length in ((numbers.get(a, 0), numbers.get(b, 0)) for a, b in _THUMBNAIL.items()):
        stop = min(start + length, len(block))
        if start and stop == len(block):
            del block[start:]
        elif start:
            block[start:stop] = bytes(max(0, stop - start))
