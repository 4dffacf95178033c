"""Distribute a page's byte budget: which pictures are shown, and how many bytes their copies may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from restore.compare.options import PageOptions
from restore.compare.source import PageSource, area

# Sizes without the copies: the page, each row's data, each shown row's thumbnail; and the overhead of base64.
_PAGE_BYTES, _ROW_BYTES, _SMALL_BYTES, _BASE64 = 80_000, 2_000, 12_000, 4 / 3


def shared_out(sources: Sequence[PageSource], options: PageOptions) -> list[PageSource]:
    """Set each picture's depth and byte limit. The pictures must have their sizes."""
    return _limited(_chosen([_bounded(source, options.most_pixels) for source in sources], options.most), options)


def _bounded(source: PageSource, most: float) -> PageSource:
    if source.depth == "listed" or area(source) <= most:
        return source
    return replace(source, depth="listed", problems=(*source.problems, "too large to show on this page"))


def _chosen(sources: Sequence[PageSource], most: int) -> list[PageSource]:
    """Show at most ``most``, evenly spread; the others are listed or measured according to ``otherwise``."""
    shown = [i for i, source in enumerate(sources) if source.depth == "shown"]
    if len(shown) <= most:
        return list(sources)
    kept = {shown[i * len(shown) // most] for i in range(most)}
    return [
        source if i in kept or source.depth != "shown" else replace(source, depth=source.otherwise)
        for i, source in enumerate(sources)
    ]


def _limited(sources: Sequence[PageSource], options: PageOptions) -> list[PageSource]:
    """Give each shown picture its share, by pixels, of the byte budget for copies."""
    if options.bytes_for_copies == float("inf"):
        return list(sources)
    areas = [area(source, options.max_side) if source.depth == "shown" else 0.0 for source in sources]
    shown, total = sum(a > 0 for a in areas), sum(areas) or 1.0
    overhead = _PAGE_BYTES + _ROW_BYTES * len(sources) + _SMALL_BYTES * shown
    room = max(0.0, options.bytes_for_copies - overhead) / _BASE64
    return [replace(source, limit=room * a / total) for source, a in zip(sources, areas, strict=True)]
