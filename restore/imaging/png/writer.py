"""Write chunks, and metadata into PNG files."""

from __future__ import annotations

import struct
import zlib

from restore.imaging.metadata import resolution
from restore.imaging.metadata.file_metadata import FileMetadata

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(PNG_SIGNATURE) + 25


def png_chunk(name: bytes, content: bytes | memoryview) -> bytes:
    """A PNG chunk with its length and checksum."""
    checksum = zlib.crc32(content, zlib.crc32(name))
    return b"".join([struct.pack(">I", len(content)), name, content, struct.pack(">I", checksum)])


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
