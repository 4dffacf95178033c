"""Cut a picture into tiles with context, so that the joined results equal the result for the whole picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in input pixels.

    The network sees ``start`` .. ``stop``; of its result, ``first`` .. ``last`` (in picture coordinates) is kept.
    """

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Tile:
    """One tile: its rows and columns."""

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def spans(length: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> list[Span]:
    """Tiles along one axis, of nearly equal size, at most ``tile``, each with a context of ``halo`` on both sides.

    The context ends at the picture's border, where the network pads as it does for the whole picture. This, and a halo
    no smaller than the receptive field's radius, makes tiling exact.

    Args:
        length: of the axis; a multiple of ``multiple``.
        tile: maximum kept length, without the halo.
        halo: context on each side.
        multiple: every input length must be a multiple of this.
        minimum: every input length must be at least this, if the picture is.
    """
    tile = max(multiple, tile - tile % multiple)
    halo = _up(halo, multiple)
    count = math.ceil(length / tile)
    step = _up(math.ceil(length / count), multiple)
    kept = [(first, min(first + step, length)) for first in range(0, length, step)]
    seen = [(max(0, a - halo), min(length, b + halo)) for a, b in kept]
    least = min(length, _up(minimum, multiple))
    seen = [(max(0, min(a, length - least)), b) for a, b in seen]
    seen = [(a, max(b, a + least)) for a, b in seen]
    return [Span(a, b, first, last) for (a, b), (first, last) in zip(seen, kept, strict=True)]


def window_side(tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> int:
    """The input length of :func:`windows` for pictures at least that long; :func:`spans` never exceeds it."""
    return max(max(multiple, tile - tile % multiple) + 2 * _up(halo, multiple), _up(minimum, multiple))


def windows(length: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> list[Span]:
    """Tiles along one axis that all have the same input length, for devices that optimize for a shape.

    At a border the window is shifted inwards, which only adds context, so tiling stays exact.

    The arguments are those of :func:`spans`.
    """
    side = min(length, window_side(tile, halo, multiple, minimum))
    halo = _up(halo, multiple)
    if side == length:
        return [Span(0, length, 0, length)]
    starts = [*range(0, length - side, side - 2 * halo), length - side]
    edges = [0, *(start + side - halo for start in starts[:-1]), length]
    return [Span(a, a + side, edges[i], edges[i + 1]) for i, a in enumerate(starts)]


def tiles(
    height: int, width: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1, fixed: bool = False
) -> Iterator[Tile]:
    """Tiles of a picture, row by row, of balanced sizes or all of one shape (``fixed``)."""
    cut = windows if fixed else spans
    columns = cut(width, tile, halo, multiple, minimum)
    for rows in cut(height, tile, halo, multiple, minimum):
        for span in columns:
            yield Tile(rows, span)


def shaped(height: int, width: int, shape: tuple[int, int], halo: int, multiple: int = 1) -> Iterator[Tile]:
    """Tiles of a picture for a network with a fixed input height and width.

    Args:
        height: of the picture, at least that of ``shape``.
        width: of the picture, at least that of ``shape``.
        shape: of the network's input; multiples of ``multiple``, and longer than the halo on both sides together.
        halo: context on each side.
        multiple: see :func:`spans`.
    """
    kept = [side - 2 * _up(halo, multiple) for side in shape]
    columns = windows(width, kept[1], halo, multiple, shape[1])
    for rows in windows(height, kept[0], halo, multiple, shape[0]):
        for span in columns:
            yield Tile(rows, span)


def _up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
