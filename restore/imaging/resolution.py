"""How large a picture is on paper: dots per inch, as files say it beside EXIF, or a TIFF file among its tags.

Scanners say it there alone. Where a file has none nothing is made up, and what cannot be meant is left out.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from restore.imaging import ifd

# Dots per inch along the width and the height.
Density = tuple[float, float]

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETRE = 2, 3  # of RESOLUTION_UNIT
_RATIONAL = 5
_METRE = 1 / 0.0254  # in inches
_MOST = 65_535  # a JPEG file has 16 bits for it


def of_file(kind: str, info: Mapping[str, Any]) -> Density | None:
    """What a file says.

    Args:
        kind: its format, by Pillow's name.
        info: what Pillow found in it. Of JPEG the JFIF segment counts alone: Pillow makes up 72 where EXIF is broken.
    """
    try:
        if kind in ("JPEG", "MPO"):
            x, y = info.get("jfif_density", (0, 0))
            factor = {1: 1.0, 2: 2.54}.get(info.get("jfif_unit", 0), 0.0)
            return _meant(factor * float(x), factor * float(y))
        if kind in ("PNG", "BMP"):
            x, y = info.get("dpi", (0, 0))
            return _meant(float(x), float(y))
    except (TypeError, ValueError, OverflowError):
        pass
    return None


def of_tiff(exif: bytes) -> Density | None:
    """What the tags of a TIFF file say, from its block of them (:func:`restore.imaging.metadata.from_tiff`)."""
    wanted = {X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT}
    try:
        tags = {tag.number: tag for tag in ifd.read_tags(exif, ifd.first_directory(exif), wanted.__contains__)}
        order, found = ifd.byte_order(exif), []
        for number in (X_RESOLUTION, Y_RESOLUTION):
            above, below = struct.unpack(order + "II", tags[number].value)
            found.append(above / below)
        (unit,) = struct.unpack(order + "H", tags[RESOLUTION_UNIT].value) if RESOLUTION_UNIT in tags else (_INCH,)
    except (ifd.BrokenDirectoryError, KeyError, struct.error, ZeroDivisionError):
        return None
    factor = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(unit, 0.0)
    return _meant(factor * found[0], factor * found[1])


def _meant(x: float, y: float) -> Density | None:
    """None of what no printer and no scanner has."""
    return (x, y) if all(math.isfinite(n) and 1 <= n <= _MOST for n in (x, y)) else None


def in_jfif(beginning: bytes | memoryview, density: Density | None) -> bytes:
    """The beginning of a JPEG file, SOI and the JFIF segment, that says it."""
    block = bytearray(beginning)
    if density:
        struct.pack_into(">BHH", block, 13, 1, *(round(n) for n in density))
    return bytes(block)


def per_metre(density: Density) -> tuple[int, int]:
    """Dots per metre, as PNG and BMP have it."""
    return round(density[0] * _METRE), round(density[1] * _METRE)


def in_bmp(data: bytes, density: Density | None) -> bytes:
    """A BMP file that says it."""
    return data[:38] + struct.pack("<II", *per_metre(density)) + data[46:] if density else data


def tiff_tags(density: Density, order: ifd.Order) -> list[ifd.Tag]:
    """Tags for a TIFF file."""
    x, y = (
        ifd.Tag(number, _RATIONAL, 1, struct.pack(order + "II", round(100 * n), 100))
        for number, n in zip((X_RESOLUTION, Y_RESOLUTION), density, strict=True)
    )
    return [x, y, ifd.Tag(RESOLUTION_UNIT, ifd.SHORT, 1, struct.pack(order + "H", _INCH))]
