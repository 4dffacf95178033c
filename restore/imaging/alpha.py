"""Transparency for networks without an alpha channel: colors under transparent areas, and artifact-free alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Samples


def fill_color(pixels: Samples, alpha: Samples) -> Samples:
    """Extend the visible colors into transparent areas.

    The color under transparent pixels is often black or white, and a network that looks across the edge draws it into
    the visible side as a fringe. The fill is a pyramid of averages over the visible pixels (push-pull: Gortler et al.,
    The Lumigraph, 1996), so its cost does not depend on the filled area.

    Args:
        pixels: (H, W, C), uint8 or uint16.
        alpha: (H, W) of the same type.

    Returns:
        The same picture with new colors where alpha is at most 3 percent, since a file keeps too little of the color
        there to trust it; other pixels are unchanged. ``pixels`` itself if nothing or everything is hidden.
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


def clamp_alpha(enlarged: Samples, original: Samples, scale: int) -> Samples:
    """Remove network artifacts from an alpha channel that was enlarged as a gray picture.

    Each value is clamped to the range of its original pixel and that pixel's eight neighbors. Areas that are clear,
    opaque or constant stay exactly so from one pixel inside their edge, and edges do not ring.

    Args:
        enlarged: (scale * H, scale * W), uint8 or uint16.
        original: (H, W) of the same type.
        scale: enlargement factor.

    Raises:
        ValueError: the shapes or types do not match.
    """
    height, width = original.shape
    if enlarged.shape != (height * scale, width * scale) or enlarged.dtype != original.dtype:
        raise ValueError(
            f"alpha {enlarged.shape} {enlarged.dtype} is not {scale} times {original.shape} {original.dtype}"
        )
    box = np.ones((3, 3), np.uint8)
    size = (width * scale, height * scale)
    least = cv2.resize(cv2.erode(original, box), size, interpolation=cv2.INTER_NEAREST)
    clamped = np.maximum(enlarged, least)
    del least
    most = cv2.resize(cv2.dilate(original, box), size, interpolation=cv2.INTER_NEAREST)
    result: Samples = np.minimum(clamped, most, out=clamped)
    return result


def _filled(color: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colors for every pixel, from sums over the visible pixels (H, W, C) and their counts (H, W, 1)."""
    known = weight > 0
    own: NDArray[np.float32] = np.divide(color, np.maximum(weight, 1), dtype=np.float32)
    if known.all():
        return own
    around = _doubled(_filled(_sums(color), _sums(weight)), known.shape[:2])
    return np.where(known, own, around)


def _sums(values: AnyArray) -> NDArray[np.float32]:
    """Sums over 2 x 2 blocks; blocks at the right and bottom edges may be incomplete."""
    height, width, channels = values.shape
    out = np.zeros((-(-height // 2), -(-width // 2), channels), np.float32)
    for y in (0, 1):
        for x in (0, 1):
            part = values[y::2, x::2]
            out[: part.shape[0], : part.shape[1]] += part
    return out


def _doubled(values: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """Enlarge by two with linear interpolation and crop to ``shape``."""
    large = cv2.resize(values, (2 * values.shape[1], 2 * values.shape[0]), interpolation=cv2.INTER_LINEAR)
    cut: AnyArray = large[: shape[0], : shape[1]].reshape(*shape[:2], values.shape[2])
    return cut
