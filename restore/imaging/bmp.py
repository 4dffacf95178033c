"""BMP files of 16 and 32 bits per pixel: any layout of the bits, with alpha if the header declares it.

Pillow reads other BMP files; of these it knows some layouts, and no alpha with 16 bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from restore.errors import ImageError
from restore.imaging import bit_fields
from restore.imaging.metadata import resolution
from restore.imaging.picture import Picture
from restore.imaging.refusals import CURE

_HEADERS = frozenset({40, 52, 56, 108, 124})
_RGB, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 32: (0xFF0000, 0xFF00, 0xFF)}
_EMBEDDED_PROFILE = b"DEBM"  # "MBED" as a number, little-endian
_INCH = 0.0254


@dataclass(frozen=True)
class _Layout:
    """How the pixels are stored; masks are of red, green, blue and, unless 0, alpha."""

    width: int
    height: int
    bits: int
    masks: tuple[int, int, int, int]
    start: int
    upside_down: bool


def size(beginning: bytes) -> tuple[int, int] | None:
    """Height and width, from the first 34 bytes of a file that :func:`read` reads; None for others.

    Raises:
        ImageError: a side is 0 or the width is negative.
    """
    if beginning[:2] != b"BM" or len(beginning) < 34:
        return None
    header, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", beginning, 14)
    if header in _HEADERS and (width <= 0 or not height):
        raise ImageError(f"damaged picture: its header gives no size: {CURE}")
    fits = header in _HEADERS and bits in _MASKS and compression in (_RGB, _BIT_FIELDS, _ALPHA_BIT_FIELDS)
    return (abs(height), width) if fits else None


def read(data: bytes, refuse_large: Callable[[int, int], None]) -> Picture | None:
    """Read a file; None if it is not BMP of 16 or 32 bits per pixel.

    Args:
        data: bytes of the file.
        refuse_large: raises ImageError, given a width and a height that are too large.

    Raises:
        ImageError: it is damaged or too large.
    """
    if size(data) is None:
        return None
    layout = _layout(data)
    refuse_large(layout.width, layout.height)
    stride = (layout.width * layout.bits + 31) // 32 * 4
    if layout.start + stride * (layout.height - 1) + layout.width * layout.bits // 8 > len(data):
        raise ImageError(f"damaged picture: the file ends before the picture does: {CURE}")
    word = np.dtype(f"<u{layout.bits // 8}")
    shape, strides = (layout.height, layout.width), (stride, word.itemsize)
    words = np.ndarray(shape, word, data, layout.start, strides)
    if layout.upside_down:
        words = words[::-1]
    masks = layout.masks if layout.masks[3] else layout.masks[:3]
    red, green, blue, *alpha = bit_fields.channels(words, masks)
    kept, notes = bit_fields.without_empty(alpha[0] if alpha else None)
    return Picture(np.dstack([red, green, blue]), kept, profile(data), None, "BMP", None, _density(data), tuple(notes))


def _layout(data: bytes) -> _Layout:
    start, header, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
    red, green, blue = _MASKS[bits]
    alpha, behind = 0, 14 + header
    if compression != _RGB:
        # The masks are the header's own from version 2 on; before, they follow it. Alpha's is the fourth.
        count = 4 if header >= 56 or compression == _ALPHA_BIT_FIELDS else 3
        if len(data) < 54 + 4 * count:
            raise ImageError(f"damaged picture: the file ends before the picture does: {CURE}")
        masks = (*struct.unpack_from(f"<{count}I", data, 54), 0)[:4]
        if any(masks):  # in files of some programs, all are 0
            red, green, blue, alpha = masks
        behind = max(behind, 54 + 4 * count)
    start = start if start >= 14 + header else behind
    return _Layout(width, abs(height), bits, (red, green, blue, alpha), start, height > 0)


def profile(data: bytes) -> bytes | None:
    """The color profile that a header of version 5 embeds."""
    if data[:2] != b"BM" or len(data) < 138 or data[14:18] != b"\x7c\0\0\0" or data[70:74] != _EMBEDDED_PROFILE:
        return None
    start, length = struct.unpack_from("<II", data, 126)
    return data[14 + start : 14 + start + length] or None


def _density(data: bytes) -> resolution.Density | None:
    across, down = struct.unpack_from("<ii", data, 38)
    return resolution.of_file("BMP", {"dpi": (across * _INCH, down * _INCH)})
