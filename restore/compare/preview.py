"""Copies of pictures for the page, within limits on pixels and bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from restore.compare.pixels import Size, to_size
from restore.imaging.encode import EncodeOptions, encode, over_white
from restore.imaging.picture import Picture, to8

# If a copy is too large, use the best of these qualities that fits; if none does, shrink the copy, each time by at
# most this factor.
_QUALITIES = (90, 85, 80, 70, 60, 50)
_MOST_SHRINKING = 0.5
_SMALLEST_SIDE = 64
# Longer side of the thumbnails below the viewer, and of the difference maps.
_THUMBNAIL, _MAP = 192, 2048
_MAP_QUALITY = 85


@dataclass(frozen=True)
class Copy:
    """A copy of a picture for the page.

    Attributes:
        data: bytes of an image file.
        kind: its MIME type.
        size: height and width of the copy.
        quality: of its compression.
    """

    data: bytes
    kind: str
    size: Size
    quality: int


def display_copy(picture: Picture, max_side: int, quality: int, limit: float) -> Copy:
    """A picture for the browser: JPEG, or WebP if it has transparency, in its own color profile.

    Args:
        picture: 8 bits, without metadata.
        max_side: maximum longer side in pixels.
        quality: initial quality; if the file is larger than ``limit``, lower ones are tried, then fewer pixels.
        limit: maximum bytes.
    """
    qualities = (quality, *(q for q in _QUALITIES if q < quality))
    shown = reduced(picture, max_side)
    while True:
        best = _compressed(shown, quality)
        if len(best.data) <= limit:
            return best
        worst = _compressed(shown, qualities[-1])
        if len(worst.data) <= limit:
            return _between(shown, qualities[1:-1], limit) or worst
        if max(shown.size) <= _SMALLEST_SIDE:
            return worst
        shrinking = max(_MOST_SHRINKING, 0.97 * math.sqrt(limit / len(worst.data)))
        shown = reduced(shown, max(_SMALLEST_SIDE, int(max(shown.size) * shrinking)))


def _between(picture: Picture, qualities: Sequence[int], limit: float) -> Copy | None:
    """The copy with the best quality that fits, found by bisection; None if none fits."""
    found = None
    while qualities:
        middle = len(qualities) // 2
        copy = _compressed(picture, qualities[middle])
        if len(copy.data) <= limit:
            found, qualities = copy, qualities[:middle]
        else:
            qualities = qualities[middle + 1 :]
    return found


def _compressed(picture: Picture, quality: int) -> Copy:
    suffix, kind = (".jpg", "image/jpeg") if picture.alpha is None else (".webp", "image/webp")
    return Copy(bytes(encode(picture, suffix, EncodeOptions(quality=quality))), kind, picture.size, quality)


def reduced(picture: Picture, max_side: int) -> Picture:
    """The picture, reduced if a side is longer than ``max_side``."""
    size = _bounded(picture.size, max_side)
    if size == picture.size:
        return picture
    alpha = None if picture.alpha is None else to_size(to8(picture.alpha)[..., None], size)[..., 0]
    return replace(picture, pixels=to_size(to8(picture.pixels), size), alpha=alpha)


def thumbnail(picture: Picture) -> Copy:
    """A thumbnail of the picture, over white."""
    small = over_white(reduced(picture, _THUMBNAIL))
    return Copy(encode(replace(small, icc=None), ".jpg", EncodeOptions(quality=75)), "image/jpeg", small.size, 75)


def difference_map(apart: NDArray[np.uint8], max_side: int, limit: float) -> Copy:
    """Differences as a gray picture, which the page maps to colors.

    Args:
        apart: from :func:`restore.compare.pixels.difference`, 0..255.
        max_side: maximum longer side in pixels.
        limit: maximum bytes.

    Returns:
        A gray JPEG of the channels' mean, as ``255 * sqrt(d / 255)``: small differences, which matter most and are
        amplified, get most of the 256 levels and survive the compression.
    """
    apart = to_size(apart, _bounded((apart.shape[0], apart.shape[1]), min(max_side, _MAP)))
    total = np.zeros((*apart.shape[:2], 1), np.float32)
    for channel in range(apart.shape[2]):  # numpy is slow along short axes
        total += apart[..., channel, None]
    stored = np.sqrt(total * np.float32(255 / apart.shape[2]))
    gray = np.rint(stored, out=stored).astype(np.uint8)
    return display_copy(Picture(gray, None, None, None, ""), _MAP, _MAP_QUALITY, limit)


def _bounded(size: Size, max_side: int) -> Size:
    factor = min(1.0, max_side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
