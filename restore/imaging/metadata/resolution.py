"""Print resolution in dots per inch, as files store it outside EXIF (in TIFF, among the tags).

Scanners often store it only there. No default is invented where a file has none, and implausible values are ignored.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from restore.imaging.metadata import ifd

# Dots per inch along the width and the height.
Density = tuple[float, float]

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETER = 2, 3  # of RESOLUTION_UNIT
_RATIONAL = 5
_METER = 1 / 0.0254  # in inches
_MOST = 65_535  # JPEG stores it in 16 bits


def of_file(kind: str, info: Mapping[str, Any]) -> Density | None:
    """The resolution that a file declares.

    Args:
        kind: Pillow's name of the format.
        info: Pillow's ``info`` of it. For JPEG only the JFIF segment counts: Pillow invents 72 where EXIF is broken.
    """
    try:
        if kind in ("JPEG", "MPO"):
            x, y = info.get("jfif_density", (0, 0))
            factor = {1: 1.0, 2: 2.54}.get(info.get("jfif_unit", 0), 0.0)
            return _meant(factor * float(x), factor * float(y))
        if kind in ("PNG", "BMP", "JPEG2000"):
            x, y = info.get("dpi", (0, 0))
            return _meant(float(x), float(y))
    except (TypeError, ValueError, OverflowError):
        pass
    return None


def of_tiff(exif: bytes) -> Density | None:
    """The resolution in a TIFF file's tags, given as a block (:func:`restore.imaging.metadata.exif.from_tiff`)."""
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
    factor = {_INCH: 1.0, _CENTIMETER: 2.54}.get(unit, 0.0)
    return _meant(factor * found[0], factor * found[1])


def _meant(x: float, y: float) -> Density | None:
    """The resolution, or None if no printer or scanner has it."""
    return (x, y) if all(math.isfinite(n) and 1 <= n <= _MOST for n in (x, y)) else None


def in_jfif(beginning: bytes | memoryview, density: Density | None) -> bytes:
    """The beginning of a JPEG file, SOI and the JFIF segment, with the resolution set."""
    block = bytearray(beginning)
    if density:
        struct.pack_into(">BHH", block, 13, 1, *(round(n) for n in density))
    return bytes(block)


def per_meter(density: Density) -> tuple[int, int]:
    """Dots per meter, the unit of PNG and BMP."""
    return round(density[0] * _METER), round(density[1] * _METER)


def in_bmp(data: bytes, density: Density | None) -> bytes:
    """A BMP file with the resolution set."""
    return data[:38] + struct.pack("<II", *per_meter(density)) + data[46:] if density else data


def tiff_tags(density: Density, order: ifd.Order) -> list[ifd.Tag]:
    """The resolution as TIFF tags."""
    x, y = (
        ifd.Tag(number, _RATIONAL, 1, struct.pack(order + "II", round(100 * n), 100))
        for number, n in zip((X_RESOLUTION, Y_RESOLUTION), density, strict=True)
    )
    return [x, y, ifd.Tag(RESOLUTION_UNIT, ifd.SHORT, 1, struct.pack(order + "H", _INCH))]
