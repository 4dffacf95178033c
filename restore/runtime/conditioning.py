"""A network's inputs besides the tile: a thumbnail of the picture, the tile's position in it, strength and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.runtime.noise import noise_field
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec

# By input name; the first axis is the batch.
Aside = Mapping[str, NDArray[np.float32]]

NOTHING: Aside = {}


class PictureAside:
    """Computes the additional inputs for the tiles of one picture.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3), the whole picture.
        spec: of the network.
        strength: 0..1.
    """

    def __init__(self, pixels: AnyArray, spec: ModelSpec, strength: float = 1.0) -> None:
        self._spec, self._size = spec, pixels.shape[:2]
        self._strength = np.array([strength], np.float32)
        self._thumbnail = thumbnail(pixels, spec)[None] if spec.context else None

    def of(self, tile: Tile, border: int = 0) -> Aside:
        """The inputs for a tile of the picture, as a batch of one.

        Args:
            tile: in coordinates of the padded picture.
            border: padding to the left of the picture and above it.
        """
        found: dict[str, NDArray[np.float32]] = {}
        if self._thumbnail is not None:
            height, width = self._size
            found["thumbnail"] = self._thumbnail
            found["rows"], found["columns"] = _places(tile.rows, border, height), _places(tile.columns, border, width)
        if self._spec.strength:
            found["strength"] = self._strength
        if self._spec.noise:
            rows, columns = (_grown(span, border, self._spec.scale) for span in (tile.rows, tile.columns))
            found["noise"] = noise_field(rows, columns, self._spec.seed)
        return found


def of_whole(pixels: AnyArray, spec: ModelSpec, strength: float = 1.0) -> Aside:
    """The inputs for whole pictures.

    Args:
        pixels: (N, H, W, 3).
        spec: of the network.
        strength: 0..1, for all pictures.
    """
    height, width = pixels.shape[1:3]
    tile = Tile(Span(0, height, 0, height), Span(0, width, 0, width))
    return together([PictureAside(picture, spec, strength).of(tile) for picture in pixels])


def together(parts: Sequence[Aside]) -> Aside:
    """Concatenate the inputs of tiles of one shape into one batch."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def thumbnail(pixels: AnyArray, spec: ModelSpec) -> NDArray[np.float32]:
    """Resize a picture of any shape to a square of ``spec.context`` pixels.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        spec: gives the side, the method and the range.

    Returns:
        (3, side, side) in the spec's range, at the picture's full bit depth.
    """
    side, span = spec.context, spec.high - spec.low
    height, width = pixels.shape[:2]
    if spec.thumbnail == "middle":
        small = pixels[_middles(height, side)][:, _middles(width, side)].astype(np.float32)
    elif min(height, width) >= side:
        small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    else:  # here OpenCV's INTER_AREA would interpolate instead of averaging
        columns = np.einsum("hwc,xw->hxc", pixels.astype(np.float32), _areas(width, side))
        small = np.einsum("hxc,yh->yxc", columns, _areas(height, side))
    scaled = small.transpose(2, 0, 1) * np.float32(span / np.iinfo(pixels.dtype).max) + np.float32(spec.low)
    return np.ascontiguousarray(scaled)


def _middles(length: int, side: int) -> NDArray[np.int64]:
    """Indices (side,) of the center pixels of ``side`` equal segments of a line; a center on an edge is rounded up."""
    places: NDArray[np.int64] = (2 * np.arange(side) + 1) * length // (2 * side)
    return places


def _areas(length: int, side: int) -> NDArray[np.float32]:
    """Weights (side, length) that average a line of pixels over ``side`` equal segments."""
    edges = np.arange(side + 1) * (length / side)
    pixels = np.arange(length)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: NDArray[np.float32] = (np.clip(shared, 0, None) * (side / length)).astype(np.float32)
    return weights


def _places(span: Span, border: int, length: int) -> NDArray[np.float32]:
    """Positions of the pixel centers as fractions of the picture's length, (1, n)."""
    centers = np.arange(span.start, span.stop, dtype=np.float32) + np.float32(0.5 - border)
    return (centers / np.float32(length))[None]


def _grown(span: Span, border: int, scale: int) -> range:
    """Places of the result's pixels, from the first of the picture."""
    return range((span.start - border) * scale, (span.stop - border) * scale)
