"""Read TIFF and BigTIFF files: the page that is the picture, and what the file says about it."""

from __future__ import annotations

from collections.abc import Callable

from restore.imaging.metadata import embedded, ifd, resolution
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.picture import FIRST_PAGE, Picture
from restore.imaging.tiff import pages as tiff_pages
from restore.imaging.tiff import picture as tiff_picture
from restore.imaging.tiff import unreadable
from restore.imaging.tiff import writer as tiff_writer
from restore.imaging.upright import upright

_LARGEST_PAGE = "the file contains several pictures; only the largest is used, since the first is a thumbnail"


def read(data: bytes, refuse_large: Callable[[int, int], None]) -> Picture | None:
    """Read a file, turned upright.

    Args:
        data: bytes of the file.
        refuse_large: raises ImageError, given a width and a height that are too large.

    Returns:
        The picture; None if the file is not TIFF, or of a kind that only Pillow may be able to read.

    Raises:
        ImageError: it is damaged, too large, or of a kind that is not supported.
    """
    if not tiff_pages.is_tiff(data):
        return None
    try:
        page, more = tiff_pages.main_page(data)
    except ifd.BrokenDirectoryError:
        return None
    refuse_large(page.width, page.height)
    refuse_large(page.segment_width, page.segment_height)  # a tile may claim more than the picture
    if tiff_picture.for_pillow(page):
        return None
    icc, xmp = page.content(tiff_writer.ICC) or None, page.content(tiff_writer.XMP) or None
    found = tiff_picture.read(data, page, icc)
    notes = [FIRST_PAGE if page.first else _LARGEST_PAGE, *found.notes] if more else found.notes
    notes += unreadable.notes(page)
    exif, broken = exif_of(data, page.at)
    return Picture(
        upright(found.pixels, page.turn),
        None if found.alpha is None else upright(found.alpha, page.turn),
        None if found.converted else icc,
        exif,
        "TIFF",
        xmp,
        resolution.of_tiff(exif) if exif else None,
        (*notes, *broken),
        embedded.read("TIFF", data, {}).iptc,
    )


def exif_of(data: bytes, page: int | None = None) -> tuple[bytes | None, list[str]]:
    """The EXIF block of a file, given the offset of the page's directory, and a note if it is broken."""
    try:
        return (exif_metadata.from_tiff(data, page) if tiff_pages.is_tiff(data) else None), []
    except ifd.BrokenDirectoryError as error:
        return None, [exif_metadata.BROKEN_EXIF.format(error)]
