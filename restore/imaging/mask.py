"""Masks: gray pictures that say how much of a change each pixel takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from restore.errors import ImageError
from restore.imaging.decode import decode_picture
from restore.imaging.picture import Samples

# Rows that are blended at once: sums need 32 bits, and pictures may be large.
_ROWS = 256


def read_mask(data: bytes, path: Path, pixel_limit: int) -> Samples:
    """Decode a mask.

    Args:
        data: of the file.
        path: its name, for messages.
        pixel_limit: reject masks with more pixels.

    Returns:
        (H, W), uint8 or uint16, upright: 0 where nothing changes, the largest value where all does.

    Raises:
        ImageError: it cannot be read, has colors, or is transparent somewhere.
    """
    picture = decode_picture(data, path, pixel_limit)
    if not is_gray(picture.pixels):
        raise ImageError(f"{path}: a mask is a gray picture, and this one has colors: convert it to gray")
    if picture.alpha is not None and picture.alpha.min() < np.iinfo(picture.alpha.dtype).max:
        raise ImageError(
            f"{path}: a mask is white where pictures change and black where not, and this one is transparent: save it "
            "without transparency"
        )
    return picture.pixels[..., 0]


def is_gray(pixels: Samples) -> bool:
    """Whether the channels of a picture (H, W, C) are equal."""
    return all(np.array_equal(pixels[..., 0], pixels[..., i]) for i in range(1, pixels.shape[2]))


def check_mask_size(mask: tuple[int, int], picture: tuple[int, int], what: object) -> None:
    """Refuse a mask whose size is not that of its picture.

    Args:
        mask: height and width.
        picture: height and width.
        what: names the mask in the message.

    Raises:
        ImageError: they differ.
    """
    if mask != picture:
        raise ImageError(
            f"{what}: the mask has {mask[1]} x {mask[0]} pixels, and its picture {picture[1]} x {picture[0]}: give it "
            "the picture's size, turned upright"
        )


def within(mask: Samples, changed: Samples, original: Samples) -> Samples:
    """A change where the mask is white, nothing where it is black, and a share of it in between.

    Args:
        mask: (H, W), uint8 or uint16.
        changed: (H, W, C), uint8 or uint16.
        original: of the same shape and type.

    Returns:
        As ``changed``: equal to it where the mask is at its largest value and to ``original`` where it is 0, rounded to
        the nearest value in between.
    """
    full = np.uint32(np.iinfo(mask.dtype).max)
    out = np.empty_like(changed)
    for row in range(0, len(out), _ROWS):
        rows = slice(row, row + _ROWS)
        share = mask[rows, :, None].astype(np.uint32)
        # At most 65535 squared and a half of 65535: below 2 ** 32.
        out[rows] = (changed[rows] * share + original[rows] * (full - share) + full // 2) // full
    return out
