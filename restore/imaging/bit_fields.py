"""Pixels that are numbers with their channels in some of the bits, as in BMP and TGA."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from restore.errors import ImageError
from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Samples

EMPTY_ALPHA = "its alpha channel is empty; the picture is taken as opaque"


def channels(words: AnyArray, masks: Sequence[int]) -> list[Samples]:
    """The channels of pixels, each scaled so that all bits set are the largest value.

    Args:
        words: (H, W), unsigned.
        masks: the bits of each channel.

    Returns:
        (H, W) each; uint16 if any channel has more than 8 bits, else uint8.

    Raises:
        ImageError: a channel has no bits, or bits that are not adjacent or another's.
    """
    seen = 0
    for mask in masks:
        low = mask & -mask
        if not mask or mask & seen or (mask // low) & (mask // low + 1) or mask.bit_length() > 8 * words.dtype.itemsize:
            raise ImageError("damaged picture: its header does not say which bits are which color: get the file again")
        seen |= mask
    deep = any(mask.bit_count() > 8 for mask in masks)
    return [_scaled(words, mask, np.uint16 if deep else np.uint8) for mask in masks]


def _scaled(words: AnyArray, mask: int, kind: type[np.uint8] | type[np.uint16]) -> Samples:
    shift, most, full = (mask & -mask).bit_length() - 1, mask >> ((mask & -mask).bit_length() - 1), np.iinfo(kind).max
    out: Samples = np.empty(words.shape, kind)
    for row in range(0, len(words), 256):
        values = (words[row : row + 256] & words.dtype.type(mask)) >> words.dtype.type(shift)
        if most == full:
            out[row : row + 256] = values
        else:
            out[row : row + 256] = (values.astype(np.uint64) * full + most // 2) // most
    return out


def without_empty(alpha: Samples | None) -> tuple[Samples | None, list[str]]:
    """Alpha, unless it is 0 everywhere: many programs leave it so in pictures that everyone shows as opaque."""
    if alpha is None or alpha.any():
        return alpha, []
    return None, [EMPTY_ALPHA]
