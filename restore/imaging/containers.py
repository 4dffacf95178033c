"""JPEG and PNG containers: insert metadata."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from restore.imaging import resolution

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(PNG_SIGNATURE) + 25
# Capacity of one JPEG segment, without its length field.
_SEGMENT = 65_533
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"


def png_chunk(name: bytes, content: bytes | memoryview) -> bytes:
    """A PNG chunk with its length and checksum."""
    checksum = zlib.crc32(content, zlib.crc32(name))
    return b"".join([struct.pack(">I", len(content)), name, content, struct.pack(">I", checksum)])


class FileMetadata(NamedTuple):
    """What a file holds besides the pixels: color profile, EXIF block, XMP packet, dots per inch, other PNG chunks."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dots: resolution.Density | None
    chunks: Sequence[tuple[bytes, bytes]] = ()


def png_metadata(metadata: FileMetadata) -> list[bytes]:
    """The metadata as chunks, to be placed after the header."""
    chunks = []
    if metadata.dots:
        chunks.append(png_chunk(b"pHYs", struct.pack(">IIB", *resolution.per_meter(metadata.dots), 1)))
    if metadata.icc:
        chunks.append(png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.exif:
        chunks.append(png_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    return [*chunks, *(png_chunk(name, content) for name, content in metadata.chunks)]


def png_with_metadata(data: bytes | memoryview, metadata: FileMetadata) -> bytes:
    """A PNG file with the metadata inserted after its header."""
    return b"".join([data[:_IHDR_END], *png_metadata(metadata), data[_IHDR_END:]])


def jpeg_holds(exif: bytes | None = None, xmp: bytes | None = None, icc: bytes | None = None) -> bool:
    """Whether the blocks fit in a JPEG file: EXIF and XMP in one segment each, the profile in 255."""
    return (
        len(_EXIF) + len(exif or b"") <= _SEGMENT
        and len(_XMP) + len(xmp or b"") <= _SEGMENT
        and len(icc or b"") <= 255 * (_SEGMENT - len(_ICC) - 2)
    )


def jpeg_with_metadata(data: bytes | memoryview, metadata: FileMetadata) -> bytes:
    """A JPEG file with the resolution set in its JFIF segment, which follows SOI, and the other metadata after that."""
    more = []
    if metadata.exif:
        more.append(_segment(0xE1, _EXIF + metadata.exif))
    if metadata.xmp:
        more.append(_segment(0xE1, _XMP + metadata.xmp))
    if metadata.icc:
        size = _SEGMENT - len(_ICC) - 2
        parts = [metadata.icc[i : i + size] for i in range(0, len(metadata.icc), size)]
        more += [_segment(0xE2, _ICC + bytes([i, len(parts)]) + part) for i, part in enumerate(parts, 1)]
    (jfif,) = struct.unpack_from(">H", data, 4)
    return b"".join([resolution.in_jfif(data[: 4 + jfif], metadata.dots), *more, data[4 + jfif :]])


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
