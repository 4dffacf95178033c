"""The pictures of a page before they are read: their files and the sizes in their headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from restore.compare.pixels import Size, enlargement
from restore.imaging.header import header_size

Depth = Literal["listed", "measured", "shown"]


@dataclass(frozen=True)
class PageSource:
    """A picture before it is read.

    Attributes:
        name: to show.
        files: one per version, None if missing.
        status: one word from a job; if empty, it is derived from what could be compared.
        problems: known so far, one sentence each.
        cells: values of a job's additional columns, by label.
        depth: only listed with file sizes, also measured, or also shown.
        otherwise: the depth if too many would be shown.
        limit: maximum bytes of its copies.
        sizes: height and width of each version, upright, from its header; None if unknown, empty before
            :func:`looked_at`.
    """

    name: str
    files: tuple[Path | None, ...]
    status: str = ""
    problems: tuple[str, ...] = ()
    cells: dict[str, object] = field(default_factory=dict)
    depth: Depth = "shown"
    otherwise: Depth = "measured"
    limit: float = float("inf")
    sizes: tuple[Size | None, ...] = ()


def looked_at(source: PageSource) -> PageSource:
    """Add the sizes of the files; this is the only place that reads their headers."""
    return replace(source, sizes=tuple(None if file is None else header_size(file) for file in source.files))


def area(source: PageSource, max_side: int | None = None) -> float:
    """Total pixels of all versions by their headers, in copies of at most ``max_side``."""
    sizes = [size for size in source.sizes if size is not None]
    factors = [min(1.0, max_side / max(size)) if max_side else 1.0 for size in sizes]
    return sum(size[0] * size[1] * factor**2 for size, factor in zip(sizes, factors, strict=True))


def common_scale(sources: Sequence[PageSource]) -> int:
    """How many times larger the references, which are the last versions, are than the pictures before.

    One for all of a page, for what was measured in two ways has no mean: that of most pictures, and 1 where none has
    both.
    """
    ends = [(source.sizes[0], source.sizes[-1]) for source in sources]
    found = Counter(enlargement(first, last) for first, last in ends if first is not None and last is not None)
    return max(found, key=lambda scale: (found[scale], scale), default=1)
