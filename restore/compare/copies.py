"""The copies of pictures that a page shows: no larger, in pixels and in bytes, than they may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from restore.compare.pixels import Size, to_size
from restore.imaging.encode import EncodeOptions, encode, over_white
from restore.imaging.picture import Picture, to8

# Tried one after another where a copy is too large; then it is made smaller.
_QUALITIES = (90, 85, 80, 70, 60, 50)
_STEP = 0.75
_SMALLEST_SIDE = 64
# Longer side of the small pictures below the viewer, and of the difference maps.
_THUMBNAIL, _MAP = 192, 2048
_MAP_QUALITY = 85


@dataclass(frozen=True)
class Copy:
    """What is shown of a picture.

    Attributes:
        data: bytes of an image file.
        kind: its MIME type.
        size: height and width of the copy.
        quality: that it was compressed with.
    """

    data: bytes
    kind: str
    size: Size
    quality: int


def display_copy(picture: Picture, max_side: int, quality: int, limit: float) -> Copy:
    """A picture for the browser: JPEG, or WebP where it has transparency, in its own colour profile.

    Args:
        picture: of 8 bits, without metadata.
        max_side: longer side in pixels.
        quality: to begin with; less is tried where the file is larger than ``limit``, then fewer pixels.
        limit: bytes.
    """
    suffix, kind = (".jpg", "image/jpeg") if picture.alpha is None else (".webp", "image/webp")
    shown = reduced(picture, max_side)
    while True:
        for tried in (quality, *(q for q in _QUALITIES if q < quality)):
            data = encode(shown, suffix, EncodeOptions(quality=tried))
            if len(data) <= limit:
                return Copy(data, kind, shown.size, tried)
        if max(shown.size) <= _SMALLEST_SIDE:
            return Copy(data, kind, shown.size, tried)
        shown = reduced(shown, max(_SMALLEST_SIDE, round(max(shown.size) * _STEP)))


def reduced(picture: Picture, max_side: int) -> Picture:
    """The picture, made smaller if a side is longer than ``max_side``."""
    size = _bounded(picture.size, max_side)
    if size == picture.size:
        return picture
    alpha = None if picture.alpha is None else to_size(to8(picture.alpha)[..., None], size)[..., 0]
    return replace(picture, pixels=to_size(to8(picture.pixels), size), alpha=alpha)


def thumbnail(picture: Picture) -> Copy:
    """The picture very small, over white."""
    small = over_white(reduced(picture, _THUMBNAIL))
    return Copy(encode(replace(small, icc=None), ".jpg", EncodeOptions(quality=75)), "image/jpeg", small.size, 75)


def difference_map(apart: NDArray[np.uint8], max_side: int, limit: float) -> Copy:
    """Differences as a grey picture, which the page paints with its colours.

    Args:
        apart: from :func:`restore.compare.pixels.difference`, 0..255.
        max_side: longer side in pixels.
        limit: bytes.

    Returns:
        A grey JPEG of the channels' mean, as ``255 * sqrt(d / 255)``: small differences, which are what one looks
        for and amplifies, get most of the 256 steps and survive the compression.
    """
    apart = to_size(apart, _bounded((apart.shape[0], apart.shape[1]), min(max_side, _MAP)))
    mean = apart.mean(axis=2, dtype=np.float32, keepdims=True)
    stored = np.sqrt(mean * np.float32(255))
    grey = np.rint(stored, out=stored).astype(np.uint8)
    return display_copy(Picture(grey, None, None, None, ""), _MAP, _MAP_QUALITY, limit)


def _bounded(size: Size, max_side: int) -> Size:
    factor = min(1.0, max_side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
