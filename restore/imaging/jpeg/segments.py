"""Segments of JPEG files (ITU-T T.81, annex B): what they hold besides the pixels, read and written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from restore.imaging.metadata import ifd, iptc, resolution, xmp_extended
from restore.imaging.metadata.file_metadata import Extra, FileMetadata
from restore.imaging.metadata.xmp_update import VIDEO
from restore.imaging.picture import FIRST_PAGE

# Capacity of one segment, without its length field.
_SEGMENT = 65_533
_EXIF, _XMP, _ICC, _MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0"
SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
APP0, APP1, APP2, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE
_NO_SEGMENT = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})
# Beginnings of frames (table B.1); the others in this range define tables.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_CONVERT = "save it as PNG or TIFF in a program that opens it"
_OURS = frozenset({APP1, APP2, APP13, COM})
_MP_ENTRIES = 0xB002
_GAIN_MAPS = (b"hdr-gain-map", b"hdrgainmap", b"urn:iso:std:iso:ts:21496")
_NOTHING = Extra()
_PATHS = "the clipping paths of Photoshop were dropped"


class Segment(NamedTuple):
    """A marker and the span of its content, without the length field."""

    marker: int
    start: int
    stop: int


def segments(data: bytes) -> list[Segment]:
    """The segments from the file's beginning to the header of its first scan, or to the first that is broken."""
    found: list[Segment] = []
    at, last = 2, len(data) - 4
    while at <= last:
        marker = data[at + 1]
        if data[at] != 0xFF or marker in _NO_SEGMENT:  # junk, or bytes that fill the space before a marker
            at = data.find(b"\xff", at + 1)
            if at < 0:
                break
            continue
        stop = at + 2 + (data[at + 2] << 8 | data[at + 3])
        if marker == EOI or stop < at + 4 or stop > len(data):
            break
        found.append(Segment(marker, at + 4, stop))
        if marker == SOS:
            break
        at = stop
    return found


def read_extra(data: bytes, xmp: bytes | None, segments: Sequence[Segment]) -> Extra:
    """Read what the segments before the first scan hold.

    Args:
        data: the file.
        xmp: its main packet.
        segments: from :func:`segments`.
    """
    found = [each for each in segments if each.marker in _OURS]
    notes: list[str] = []
    if not data.endswith(b"\xff\xd9") and b"MotionPhoto_Data" in data:  # Samsung's, which XMP may not mention
        notes.append(VIDEO)
    if not found:
        return Extra(notes=tuple(notes)) if notes else _NOTHING
    contents = [(each.marker, data[each.start : each.stop]) for each in found]
    gain_map = None
    pieces = [c for m, c in contents if m == APP1 and c.startswith(xmp_extended.HEADER)]
    info = {"xmp": xmp_extended.merged(xmp, pieces)} if xmp and pieces else {}
    resources = b"".join(c[len(iptc.HEADER) :] for m, c in contents if m == APP13 and c.startswith(iptc.HEADER))
    if iptc.has_paths(resources):
        notes.append(_PATHS)
    for each in found:
        if each.marker == APP2 and data.startswith(_MPF, each.start):
            more, gain_map = _other_pictures(data, each)
            notes += more
    comments = [content.rstrip(b"\0") for marker, content in contents if marker == COM]
    comment = b"\n".join(filter(None, comments)) or None
    return Extra(info, iptc.records(resources), comment, tuple(notes), gain_map)


def _other_pictures(data: bytes, found: Segment) -> tuple[list[str], bytes | None]:
    """Notes on the pictures behind the first (CIPA DC-007), of which nothing is said of previews; and a gain map."""
    base = found.start + len(_MPF)
    block = data[base : found.stop]
    try:
        order = ifd.byte_order(block)
        tags = ifd.read_tags(block, ifd.first_directory(block), lambda number: number == _MP_ENTRIES)
    except ifd.BrokenDirectoryError:
        return [], None
    notes, gain_map = [], None
    value = tags[0].value if tags else b""
    for at in range(16, len(value) - 15, 16):
        kind, size, offset = struct.unpack_from(order + "III", value, at)
        kind &= 0xFFFFFF
        beginning = data[base + offset : base + offset + min(size, 2**16)]
        if kind >> 16 == 2:  # panorama, stereo, several angles
            notes.append(FIRST_PAGE)
        elif kind == 0 and any(mark in beginning for mark in _GAIN_MAPS):
            gain_map = data[base + offset : base + offset + size]
    return notes, gain_map


def without_odd_segments(data: bytes) -> bytes | None:
    """A JPEG file without application segments that are too short for what they say they are, and without unknown ones.

    Pillow refuses such files; what the pixels and their color depend on stays. None if the file is no JPEG file.
    """
    found = segments(data)
    if not data.startswith(b"\xff\xd8") or not found or found[-1].marker != SOS:
        return None
    kept = [each for each in found[:-1] if not _is_odd(each.marker, data[each.start : each.stop])]
    parts = [data[each.start - 4 : each.stop] for each in kept]
    return b"".join([data[:2], *parts, data[found[-1].start - 4 :]])


def unsupported(data: bytes) -> str | None:
    """The kind of a JPEG file that no decoder here reads, with the cure; None for others."""
    frame = next((s for s in segments(data) if s.marker in FRAMES), None) if data.startswith(b"\xff\xd8") else None
    if frame is None or frame.start == frame.stop:
        return None
    if frame.marker in _LOSSLESS:
        return f"lossless JPEG is not supported: {_CONVERT}"
    bits = data[frame.start]
    return f"JPEG with {bits} bits per channel is not supported: {_CONVERT}" if bits != 8 else None


def _is_odd(marker: int, content: bytes) -> bool:
    if marker not in range(APP0, APP0 + 16):
        return False
    known = {APP0: (b"JFIF\0", 14), APP2: (_ICC, 15), APP14: (b"Adobe", 12)}
    if marker == APP1:
        return not content.startswith((_EXIF, _XMP, xmp_extended.HEADER))
    beginning, shortest = known.get(marker, (b"", _SEGMENT + 1))
    return not content.startswith(beginning) or len(content) < shortest


def holds(metadata: FileMetadata) -> FileMetadata:
    """What fits in a file: EXIF, IPTC and the comment in one segment each, the profile in 255; XMP can be extended."""

    def fits(block: bytes | None, header: int) -> bytes | None:
        return block if len(block or b"") + header <= _SEGMENT else None

    xmp, icc = metadata.xmp, metadata.icc
    return metadata._replace(
        exif=fits(metadata.exif, len(_EXIF)),
        iptc=fits(metadata.iptc, len(iptc.HEADER) + 16),
        comment=fits(metadata.comment, 0),
        xmp=xmp if xmp and xmp_extended.split(xmp, _SEGMENT - len(_XMP)) else None,
        icc=icc if len(icc or b"") <= 255 * (_SEGMENT - len(_ICC) - 2) else None,
    )


def with_metadata(data: bytes | memoryview, metadata: FileMetadata) -> bytes:
    """A JPEG file with the resolution set in its JFIF segment, which follows SOI, and the other metadata after that."""
    more = []
    if metadata.exif:
        more.append(segment(APP1, _EXIF + metadata.exif))
    parts = xmp_extended.split(metadata.xmp, _SEGMENT - len(_XMP)) if metadata.xmp else None
    if parts:
        main, extension = parts
        more.append(segment(APP1, _XMP + main))
        more += [segment(APP1, piece) for piece in xmp_extended.pieces(extension or b"")]
    if metadata.icc:
        size = _SEGMENT - len(_ICC) - 2
        pieces = [metadata.icc[i : i + size] for i in range(0, len(metadata.icc), size)]
        more += [segment(APP2, _ICC + bytes([i, len(pieces)]) + piece) for i, piece in enumerate(pieces, 1)]
    if metadata.iptc:
        more.append(segment(APP13, iptc.HEADER + iptc.resource(metadata.iptc)))
    if metadata.comment:
        more.append(segment(COM, metadata.comment))
    (jfif,) = struct.unpack_from(">H", data, 4)
    return b"".join([resolution.in_jfif(data[: 4 + jfif], metadata.dots), *more, data[4 + jfif :]])


def segment(marker: int, content: bytes) -> bytes:
    """A segment with its marker and length."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
