"""Prepare pictures for comparison: 8 bits, over white, in one color space and at one size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.imaging.color.conversions import as_rgb
from restore.imaging.color.profiles import pixels_to_srgb
from restore.imaging.encode import over_white
from restore.imaging.metadata.exif import strip
from restore.imaging.picture import Picture, to8
from restore.jobs import codec as pictures
from restore.jobs.options import PictureOptions
from restore.metrics.sr_protocol import bicubic

Pixels = NDArray[np.uint8]
Size = tuple[int, int]

# Every copy contains its profile; a longer one than this is applied instead.
_LONG_PROFILE = 16_384


def read(path: Path, pixel_limit: int) -> Picture:
    """Read a picture, upright, with 8 bits and without metadata, so that the page does not reveal its location.

    Raises:
        ImageError: it cannot be read, is damaged or too large.
    """
    picture = pictures.decode(path, PictureOptions(pixel_limit=pixel_limit))
    alpha = None if picture.alpha is None else to8(picture.alpha)
    picture = strip(replace(picture, pixels=to8(picture.pixels), alpha=alpha))
    if picture.icc and len(picture.icc) > _LONG_PROFILE:
        return replace(picture, pixels=pixels_to_srgb(to8(picture.pixels), picture.icc), icc=None)
    return picture


def alike(first: Picture, second: Picture) -> tuple[Pixels, Pixels]:
    """The pixels of two pictures over white, with the same number of channels, in sRGB unless they share a profile."""
    one, other = (to8(over_white(picture).pixels) for picture in (first, second))
    if first.icc != second.icc:
        one, other = (
            pixels_to_srgb(pixels, icc) if icc else pixels for pixels, icc in ((one, first.icc), (other, second.icc))
        )
    if one.shape[2] != other.shape[2]:
        one, other = as_rgb(one), as_rgb(other)
    return one, other


def to_size(pixels: Pixels, size: Size) -> Pixels:
    """Resize to (height, width): enlarge with bicubic interpolation or reduce by averaging."""
    if pixels.shape[:2] == size:
        return pixels
    shrinks = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    resized: Pixels = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return resized.reshape(*size, pixels.shape[2])


def common_size(first: Size, second: Size) -> Size:
    """The larger of two sizes; the smaller picture is shown enlarged."""
    return max(first, second, key=lambda size: size[0] * size[1])


def difference(first: Picture, second: Picture) -> Pixels:
    """The absolute difference of two pictures, 0..255, at the larger one's size: (H, W, 1 or 3)."""
    one, other = alike(first, second)
    size = common_size(first.size, second.size)
    apart: Pixels = cv2.absdiff(to_size(one, size), to_size(other, size))
    return apart.reshape(*size, -1)


def for_measures(picture: Picture, reference: Picture, scale: int) -> tuple[Pixels, Pixels]:
    """Bring a picture and its reference to one shape, as in the literature.

    Both are cropped to a multiple of the scale, the size of an enlarged cropped picture. A low-resolution picture of
    the matching size is enlarged with MATLAB's bicubic; any other size is resized.

    Args:
        picture: a version.
        reference: the ground truth.
        scale: factor from the pictures to their references.
    """
    pixels, wanted = alike(picture, reference)
    height, width = (side - side % scale if side >= scale else side for side in reference.size)
    wanted = wanted[:height, :width]
    if picture.size == reference.size:
        return pixels[:height, :width], wanted
    if scale > 1 and picture.size == (height // scale, width // scale):
        return bicubic(pixels, scale), wanted
    return to_size(pixels, (height, width)), wanted


def enlargement(original: Size, reference: Size) -> int:
    """The integer factor by which a reference is larger, allowing for a crop to a multiple; 1 if there is none."""
    scale = max(1, reference[0] // original[0])
    left = [whole - part * scale for whole, part in zip(reference, original, strict=True)]
    return scale if all(0 <= rest < scale for rest in left) else 1
