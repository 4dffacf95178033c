"""JPEG and PNG containers: check that a file is complete, and insert metadata."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from restore.imaging import resolution

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(PNG_SIGNATURE) + 25
# Capacity of one JPEG segment, without its length field.
_SEGMENT = 65_533
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"


def check_png(data: bytes) -> None:
    """Check the chunks of a PNG file up to its end.

    Raises:
        ValueError: the file ends before IEND, or a critical chunk has a wrong checksum.
    """
    at, name = len(PNG_SIGNATURE), b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise ValueError("the file is truncated")
        (length,) = struct.unpack_from(">I", data, at)
        name, stop = data[at + 4 : at + 8], at + 8 + length
        if stop + 4 > len(data):
            raise ValueError("the file is truncated")
        critical = not name[0] & 0x20
        if critical and zlib.crc32(memoryview(data)[at + 4 : stop]) != struct.unpack_from(">I", data, stop)[0]:
            raise ValueError(f"wrong checksum in its {name.decode('latin-1')} chunk")
        at = stop + 4


def png_chunk(name: bytes, content: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


class FileMetadata(NamedTuple):
    """What a file holds besides the pixels: color profile, EXIF block, XMP packet, dots per inch."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dots: resolution.Density | None


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
    return chunks


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
