"""What cannot be read of the tags that decide how a TIFF page looks.

A page is read with the default of a tag that is missing. Where the tag is there, or may have been there, but cannot be
read, its default may be wrong, and a note says so.
"""

from __future__ import annotations

from restore.imaging.tiff import pages as tiff_pages

_INK_SET = 332
_NAMES = {
    tiff_pages.BITS: "number of bits",
    tiff_pages.COMPRESSION: "compression",
    tiff_pages.PHOTOMETRIC: "kind of colors",
    tiff_pages.FILL_ORDER: "order of bits",
    tiff_pages.ORIENTATION: "orientation",
    tiff_pages.SAMPLES: "number of channels",
    tiff_pages.PLANAR: "arrangement of channels",
    tiff_pages.PREDICTOR: "predictor",
    _INK_SET: "inks",
    tiff_pages.EXTRA: "kind of transparency",
    tiff_pages.FORMAT: "kind of numbers",
    tiff_pages.SUBSAMPLING: "subsampling of colors",
    tiff_pages.ICC: "color profile",
}


def notes(page: tiff_pages.Page) -> list[str]:
    """Notes on tags of a page that cannot be read, and on entries of its directory of which nobody knows the tag."""
    lost = [name for tag, name in _NAMES.items() if page.is_unreadable(tag)]
    if lost:
        return [f"damaged: {_listed(lost)} cannot be read, so what it shows may look different"]
    missing = [name for tag, name in _NAMES.items() if not page.has(tag)]
    if page.overwritten and missing:
        return ["damaged: a part of its directory is overwritten; its orientation or its colors may be lost"]
    return []


def _listed(names: list[str]) -> str:
    return f"its {names[0]}" if len(names) == 1 else f"its {', '.join(names[:-1])} and {names[-1]}"
