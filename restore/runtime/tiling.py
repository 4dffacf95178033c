"""Cut a picture into tiles with context, so that the joined results equal the result for the whole picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

# Rows of tiles are not cut lower than this for the sake of their number.
_LOWEST = 32


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


def spans(length: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1, align: int = 1) -> list[Span]:
    """Tiles along one axis, of nearly equal size, at most ``tile``, each with a context of ``halo`` on both sides.

    The context ends at the picture's border, where the network pads as it does for the whole picture. This, and a halo
    no smaller than the receptive field's radius, makes tiling exact.

    Args:
        length: of the axis; a multiple of ``multiple``.
        tile: maximum kept length, without the halo.
        halo: context on each side.
        multiple: every input length must be a multiple of this.
        minimum: every input length must be at least this, if the picture is.
        align: a multiple of ``multiple`` to which input lengths are extended with more context, if the picture is long
            enough.
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
    if align > multiple:
        seen = [_stretched(a, b, align, length) for a, b in seen]
    return [Span(a, b, first, last) for (a, b), (first, last) in zip(seen, kept, strict=True)]


def _stretched(start: int, stop: int, align: int, length: int) -> tuple[int, int]:
    """A span with its length rounded up to a multiple of ``align``, or itself if the axis is too short."""
    wanted = _up(stop - start, align)
    if wanted > length:
        return start, stop
    stop = min(start + wanted, length)
    return stop - wanted, stop


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
    height: int,
    width: int,
    tile: int,
    halo: int,
    multiple: int = 1,
    minimum: int = 1,
    fixed: bool = False,
    width_align: int = 1,
    parallel: int = 1,
) -> Iterator[Tile]:
    """Tiles of a picture, row by row, of balanced sizes or all of one shape (``fixed``).

    Args:
        height: of the picture.
        width: of the picture.
        tile: see :func:`spans`, as for the next three.
        halo: context on each side.
        multiple: every input length must be a multiple of this.
        minimum: every input length must be at least this, if the picture is.
        fixed: all tiles have one shape.
        width_align: the ``align`` of :func:`spans` for the columns of balanced tiles.
        parallel: balanced tiles are cut into more rows until their number is a multiple of this, if that leaves rows
            higher than their context.
    """
    if fixed:
        columns, lines = (windows(length, tile, halo, multiple, minimum) for length in (width, height))
    else:
        columns = spans(width, tile, halo, multiple, minimum, width_align)
        lines = spans(height, tile, halo, multiple, minimum)
        fewest = len(lines)
        for count in range(fewest, fewest + parallel):
            lower = max(multiple, math.ceil(height / count))
            if count * len(columns) % parallel == 0 and (count == fewest or lower >= max(_LOWEST, 2 * halo)):
                lines = spans(height, min(tile, _up(lower, multiple)), halo, multiple, minimum)
                break
    for line in lines:
        for column in columns:
            yield Tile(line, column)


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
