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
    halo = math.ceil(halo / multiple) * multiple
    count = math.ceil(length / tile)
    step = math.ceil(length / count / multiple) * multiple
    kept = [(first, min(first + step, length)) for first in range(0, length, step)]
    seen = [(max(0, a - halo), min(length, b + halo)) for a, b in kept]
    least = min(length, math.ceil(minimum / multiple) * multiple)
    seen = [(max(0, min(a, length - least)), b) for a, b in seen]
    seen = [(a, max(b, a + least)) for a, b in seen]
    return [Span(a, b, first, last) for (a, b), (first, last) in zip(seen, kept, strict=True)]


def tiles(height: int, width: int, tile: int, halo: int, multiple: int = 1, minimum: int = 1) -> Iterator[Tile]:
    """Tiles of a picture, row by row."""
    columns = spans(width, tile, halo, multiple, minimum)
    for rows in spans(height, tile, halo, multiple, minimum):
        for span in columns:
            yield Tile(rows, span)
