"""One decoded picture through a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError
from restore.runtime.tiling import Tile, tiles
from restore.spec import ModelSpec

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]

DEFAULT_TILE = 512


def enhance_pixels(
    pixels: NDArray[np.uint8], network: Network, spec: ModelSpec, tile: int = DEFAULT_TILE
) -> NDArray[np.uint8]:
    """Run a model over a picture of any size.

    Args:
        pixels: uint8 RGB (H, W, 3).
        network: float32 (1, 3, h, w) on the spec's range to (1, 3, scale * h, scale * w).
        spec: what the network needs.
        tile: largest side of a tile, in input pixels, before its halo.

    Returns:
        uint8 RGB (scale * H, scale * W, 3).
    """
    height, width = pixels.shape[:2]
    padded = _pad(pixels, spec)
    scale = spec.scale
    out = np.empty((height * scale, width * scale, 3), np.uint8)
    for part in tiles(padded.shape[0], padded.shape[1], tile, spec.halo, spec.multiple, spec.minimum):
        seen = padded[part.rows.start : part.rows.stop, part.columns.start : part.columns.stop]
        result = network(_to_batch(seen, spec))
        wanted = (1, spec.channels, seen.shape[0] * scale, seen.shape[1] * scale)
        if result.shape != wanted:
            raise ModelError(
                f"{spec.name} gave {result.shape} where x{scale} of {seen.shape[:2]} pixels means {wanted}: "
                "its scale is another (give it with --spec scale=N)"
            )
        _place(out, _to_pixels(result, spec), part, scale)
    return out


def _pad(pixels: NDArray[np.uint8], spec: ModelSpec) -> NDArray[np.uint8]:
    """Mirror the right and bottom edges out to the size that the network takes."""
    wanted = [max(-(-n // spec.multiple), -(-spec.minimum // spec.multiple)) * spec.multiple for n in pixels.shape[:2]]
    grow = [(0, want - have) for want, have in zip(wanted, pixels.shape[:2], strict=True)]
    return np.pad(pixels, (*grow, (0, 0)), mode="symmetric") if any(g for _, g in grow) else pixels


def _to_batch(pixels: NDArray[np.uint8], spec: ModelSpec) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    values *= (spec.high - spec.low) / 255.0
    values += spec.low
    return values[None]


def _to_pixels(batch: NDArray[np.float32], spec: ModelSpec) -> NDArray[np.uint8]:
    """To 8 bits; a broken result is refused rather than rounded to black."""
    values = (batch[0] - spec.low) * (255.0 / (spec.high - spec.low)) + 0.5
    if not np.isfinite(values.min() + values.max()):
        raise ModelError(f"{spec.name} gave values that are not numbers for this picture")
    pixels: NDArray[np.uint8] = np.clip(values, 0, 255, out=values).astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _place(out: NDArray[np.uint8], result: NDArray[np.uint8], part: Tile, scale: int) -> None:
    """Copy the kept part of a tile's result; what lies on the padding falls away."""
    bottom, right = (min(span.last * scale, n) for span, n in zip((part.rows, part.columns), out.shape, strict=False))
    top, left = part.rows.first * scale, part.columns.first * scale
    if bottom <= top or right <= left:
        return
    y, x = top - part.rows.start * scale, left - part.columns.start * scale
    out[top:bottom, left:right] = result[y : y + bottom - top, x : x + right - left]
