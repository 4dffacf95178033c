"""Samples of any depth, integer or floating point, as 8 or 16 unsigned bits."""

from __future__ import annotations

import math

import numpy as np

from restore.errors import ImageError
from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Samples
from restore.imaging.tiff import pages as tiff_pages

# Rows converted at a time.
_ROWS = 256
# Floating-point white may be off by rounding.
_ABOVE_WHITE = 1 + 2**-12


def to_unsigned(values: AnyArray, page: tiff_pages.Page, declared: bool = True) -> tuple[Samples, list[str]]:
    """Samples of a TIFF page, scaled so that white is the largest value.

    Integers of up to 8 bits become uint8. All others become uint16: floating point from 0..1, 32-bit integers from
    their full range. Where that does not fit, from the range that the file declares by SMinSampleValue and
    SMaxSampleValue.

    Args:
        values: any shape; unsigned, signed or floating point.
        page: that they belong to.
        declared: whether the declared range applies; it is that of the colors, not of alpha.

    Returns:
        The samples, and notes for the user.

    Raises:
        ImageError: the samples are signed, brighter than white, or not numbers.
    """
    bits = page.bits[0]
    if values.dtype.kind == "i":
        raise ImageError(f"signed or {bits}-bit integer samples cannot be enhanced: {_CURE}")
    span = _declared(page) if declared else None
    if values.dtype.kind == "f":
        low, high, notes = _float_span(values, span)
        return _scaled(values, low, high), [f"{bits}-bit floating-point samples read as 16 bits", *notes]
    if values.dtype.itemsize > 2:
        most = 2.0**bits - 1
        if span and most * 0.999 > span[1] > span[0]:
            return _scaled(values, *span), [f"{bits}-bit samples read as 16 bits", _scale_note(span)]
        if values.size and int(values.max()) * 65_535 < most:
            raise ImageError(
                f"{bits}-bit samples that use the range up to {int(values.max())} alone would be black: {_CURE}"
            )
        return _scaled(values, 0.0, most), [f"{bits}-bit samples read as 16 bits"]
    most = 2**bits - 1
    if bits == 8 * values.dtype.itemsize:
        return values, []
    out, full = np.empty_like(values), np.iinfo(values.dtype).max
    for row in range(0, len(values), _ROWS):
        out[row : row + _ROWS] = (values[row : row + _ROWS].astype(np.uint32) * full + most // 2) // most
    return out, []


_CURE = "convert the file to 8 or 16 bits per channel first"


def _declared(page: tiff_pages.Page) -> tuple[float, float] | None:
    low, high = page.real(tiff_pages.LEAST), page.real(tiff_pages.MOST)
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return None
    return low, high


def _float_span(values: AnyArray, span: tuple[float, float] | None) -> tuple[float, float, list[str]]:
    """The values that stand for black and white, and a note."""
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(low) or not math.isfinite(high):
        raise ImageError(f"some of its floating-point samples are not finite numbers: {_CURE}")
    if high <= _ABOVE_WHITE and low >= 1 - _ABOVE_WHITE:
        return 0.0, 1.0, []
    if span and span[0] <= low and high <= span[1]:
        return *span, [_scale_note(span)]
    if high > _ABOVE_WHITE:
        raise ImageError(
            f"its floating-point samples reach {high:.4g}, where 1 is white (HDR): map the tones to 0..1 in an image "
            "editor and save the file with 16 bits per channel"
        )
    raise ImageError(f"its floating-point samples reach {low:.4g}, below black: {_CURE}")


def _scale_note(span: tuple[float, float]) -> str:
    return f"samples scaled from {span[0]:g}..{span[1]:g}, the range that the file declares"


def _scaled(values: AnyArray, low: float, high: float) -> Samples:
    out = np.empty(values.shape, np.uint16)
    for row in range(0, len(values), _ROWS):
        share = (values[row : row + _ROWS].astype(np.float64) - low) * (65_535 / (high - low))
        out[row : row + _ROWS] = np.clip(np.rint(share), 0, 65_535)
    return out
