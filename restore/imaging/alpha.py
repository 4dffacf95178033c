"""Transparency beside a network that knows none: colours for it to see, and an alpha channel that it may not spoil."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.imaging.picture import Samples


def fill_colour(pixels: Samples, alpha: Samples) -> Samples:
    """Put the visible colours' continuation under what is transparent.

    What lies under transparency is often black or white, and a network that looks across the edge draws it into the
    visible side as a fringe. The fill is a pyramid of averages over the visible pixels (push-pull: Gortler et al.,
    The Lumigraph, 1996), so its cost does not depend on how much is to be filled.

    Args:
        pixels: (H, W, C), uint8 or uint16.
        alpha: (H, W) of the same type.

    Returns:
        The same with other colours where alpha is at most 3 per cent, where too little of the colour is left in
        a file to trust it; every other pixel as it was. ``pixels`` itself where nothing is hidden, or everything.
    """
    hidden = alpha <= np.iinfo(alpha.dtype).max // 32
    if not hidden.any() or hidden.all():
        return pixels
    visible = ~hidden[..., None]
    coarse = _filled(_sums(pixels * visible), _sums(visible))
    spread = np.clip(np.rint(coarse), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    out = np.ascontiguousarray(_doubled(spread, hidden.shape))
    np.copyto(out, pixels, where=visible)
    return out


def settle_alpha(enlarged: Samples, original: Samples, scale: int) -> Samples:
    """An alpha channel that went through a network as a grey picture, without what the network made up.

    Every value is held between the least and the greatest of the original pixel that it came from and that pixel's
    eight neighbours. So what is clear, opaque or constant beyond the next pixel stays exactly that, and an edge does
    not ring.

    Args:
        enlarged: (scale * H, scale * W), uint8 or uint16.
        original: (H, W) of the same type.
        scale: enlargement.

    Raises:
        ValueError: the shapes or types do not belong together.
    """
    height, width = original.shape
    if enlarged.shape != (height * scale, width * scale) or enlarged.dtype != original.dtype:
        raise ValueError(
            f"alpha {enlarged.shape} {enlarged.dtype} is not {scale} times {original.shape} {original.dtype}"
        )
    box = np.ones((3, 3), np.uint8)
    size = (width * scale, height * scale)
    least = cv2.resize(cv2.erode(original, box), size, interpolation=cv2.INTER_NEAREST)
    settled = np.maximum(enlarged, least)
    del least
    most = cv2.resize(cv2.dilate(original, box), size, interpolation=cv2.INTER_NEAREST)
    result: Samples = np.minimum(settled, most, out=settled)
    return result


def _filled(colour: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours at every pixel, from sums over the visible (H, W, C) and how many were visible (H, W, 1)."""
    known = weight > 0
    own: NDArray[np.float32] = np.divide(colour, np.maximum(weight, 1), dtype=np.float32)
    if known.all():
        return own
    around = _doubled(_filled(_sums(colour), _sums(weight)), known.shape[:2])
    return np.where(known, own, around)


def _sums(values: NDArray[Any]) -> NDArray[np.float32]:
    """Sums over blocks of two by two, of what there is of them at the right and the bottom."""
    height, width, channels = values.shape
    out = np.zeros((-(-height // 2), -(-width // 2), channels), np.float32)
    for y in (0, 1):
        for x in (0, 1):
            part = values[y::2, x::2]
            out[: part.shape[0], : part.shape[1]] += part
    return out


def _doubled(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Twice as large, between the pixels linearly, cut to ``shape``."""
    large = cv2.resize(values, (2 * values.shape[1], 2 * values.shape[0]), interpolation=cv2.INTER_LINEAR)
    cut: NDArray[Any] = large[: shape[0], : shape[1]].reshape(*shape[:2], values.shape[2])
    return cut
