"""What a PNG file holds besides its pixels, and which way up they are."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from restore.imaging.metadata import iptc
from restore.imaging.picture import Picture
from restore.imaging.png import chunks as png_chunks
from restore.imaging.png import color as png_color
from restore.imaging.png import text as png_text
from restore.utils.regular_file import open_regular


class Extras(NamedTuple):
    """Metadata of a PNG file, as in :class:`~restore.imaging.picture.Picture`, and notes on what was dropped."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    color: png_color.PngColor | None
    text: tuple[png_text.Text, ...]
    notes: tuple[str, ...]


def extras(chunks: png_chunks.Chunks) -> Extras:
    """Read the metadata. EXIF, XMP and profiles of their own chunks count before those in text chunks."""
    text = png_text.read(chunks.text)
    color = png_color.read(chunks, text.icc)
    exif = chunks.ancillary.get(b"eXIf", text.exif)
    exif = exif.removeprefix(b"Exif\0\0") if exif else None
    notes = (*chunks.notes, *text.notes, *color.notes)
    return Extras(color.icc, exif, text.xmp, text.iptc, color.color, text.texts, notes)


def read_header(path: Path) -> tuple[png_chunks.Chunks, Extras] | None:
    """Size and metadata before the pixels; None for other files.

    Raises:
        OSError: the file cannot be read.
        ValueError: the header is damaged.
    """
    with open_regular(path) as file:
        if not png_chunks.is_png(file.read(8)):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            chunks = png_chunks.parse(data, header_only=True)
    return chunks, extras(chunks)


def declarations(picture: Picture) -> tuple[bytes | None, Sequence[png_chunks.Chunk]]:
    """The profile to write into a PNG file, and further chunks: what declares the colors instead of it, and texts.

    A profile that was changed or removed after reading overrules the declaration.
    """
    declared, texts = picture.png_color, [one.chunk for one in picture.png_text]
    if picture.iptc:
        texts.append(png_text.raw_profile("iptc", iptc.resource(picture.iptc)))
    if picture.comment:
        texts.append(png_text.make("Comment", picture.comment).chunk)
    if declared is not None and declared.icc == picture.icc:
        return None, [*declared.chunks, *texts]
    return picture.icc, texts
