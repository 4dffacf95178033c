"""PNG containers: check that a file is complete, and insert metadata."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from restore.imaging import resolution

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(PNG_SIGNATURE) + 25


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
    """What a file holds besides the pixels: color profile, EXIF, XMP, dots per inch, IPTC records and a comment."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dots: resolution.Density | None
    iptc: bytes | None = None
    comment: bytes | None = None


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


class Extra(NamedTuple):
    """What a file holds that Pillow does not report: XMP, IPTC, a comment, and notes on what is dropped."""

    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: bytes | None = None
    notes: tuple[str, ...] = ()
