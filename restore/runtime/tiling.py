"""Cut a picture into tiles with context, so that the pieces put together equal the whole picture's result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in input pixels.

    The network sees ``start`` .. ``stop``; of its result, ``first`` .. ``last`` (counted on the picture) is kept.
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
        """Height and width of what the network sees."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def spans(length: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> list[Span]:
    """Tiles along one axis: of nearly equal size, none larger than ``tile``, each seen with ``halo`` on either side.

    The context ends at the picture's border, where the network itself pads, just as it does for the whole picture:
    this, and a halo no smaller than the receptive field's radius, is what makes the tiles exact.

    Args:
        length: of the axis; a multiple of ``multiple``.
        tile: the largest kept part, before the halo.
        halo: context on either side.
        multiple: every seen length must be a multiple of this.
        minimum: every seen length must be at least this, where the picture is.
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
    """The length of :func:`windows` on a picture that is at least as long; what :func:`spans` see is never longer."""
    return max(max(multiple, tile - tile % multiple) + 2 * _up(halo, multiple), _up(minimum, multiple))


def windows(length: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> list[Span]:
    """Tiles along one axis that are all seen at one length, for devices that plan their work for a shape.

    At a border the window is shifted inwards, which only adds context: exact, as :func:`spans` is.

    Args: as of :func:`spans`.
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
    """Tiles of a picture, row by row: of balanced sizes, or all of one shape (``fixed``)."""
    cut = windows if fixed else spans
    columns = cut(width, tile, halo, multiple, minimum)
    for rows in cut(height, tile, halo, multiple, minimum):
        for span in columns:
            yield Tile(rows, span)


def shaped(height: int, width: int, shape: tuple[int, int], halo: int, multiple: int = 1) -> Iterator[Tile]:
    """Tiles of a picture that are all seen at one height and width, for a network that takes no other.

    Args:
        height: of the picture, at least that of ``shape``; so is the width.
        width: see there.
        shape: what the network takes; multiples of ``multiple``, and longer than the halo on both sides.
        halo: as of :func:`spans`, and so is ``multiple``.
        multiple: see there.
    """
    kept = [side - 2 * _up(halo, multiple) for side in shape]
    columns = windows(width, kept[1], halo, multiple, shape[1])
    for rows in windows(height, kept[0], halo, multiple, shape[0]):
        for span in columns:
            yield Tile(rows, span)


def _up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
