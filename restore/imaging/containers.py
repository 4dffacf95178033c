"""PNG containers: insert metadata."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from restore.imaging import resolution

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(PNG_SIGNATURE) + 25


def png_chunk(name: bytes, content: bytes | memoryview) -> bytes:
    """A PNG chunk with its length and checksum."""
    checksum = zlib.crc32(content, zlib.crc32(name))
    return b"".join([struct.pack(">I", len(content)), name, content, struct.pack(">I", checksum)])


class FileMetadata(NamedTuple):
    """What a file holds besides the pixels: profile, EXIF, XMP, dots per inch, IPTC, a comment, other PNG chunks."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dots: resolution.Density | None
    iptc: bytes | None = None
    comment: bytes | None = None
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


class Extra(NamedTuple):
    """What a file holds that Pillow does not report.

    Attributes:
        info: what Pillow's ``info`` lacks: ``icc_profile``, ``exif``, ``xmp``.
        iptc: the IPTC records.
        comment: the comment.
        notes: on what is dropped.
    """

    info: Mapping[str, bytes] = {}
    iptc: bytes | None = None
    comment: bytes | None = None
    notes: tuple[str, ...] = ()
