"""Tiles cover the picture once, with their context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from restore.runtime.tiling import spans, tiles, window_side, windows

LENGTHS = st.integers(1, 300)


@given(LENGTHS, st.integers(1, 64), st.integers(0, 20), st.integers(1, 8), st.integers(1, 40))
def test_spans(length: int, tile: int, halo: int, multiple: int, minimum: int) -> None:
    length += -length % multiple
    assume(length >= minimum)
    found = spans(length, tile, halo, multiple, minimum)
    assert [s.first for s in found] == [0, *[s.last for s in found[:-1]]]
    assert found[-1].last == length
    for span in found:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.first - span.start >= min(halo, span.first)
        assert span.stop - span.last >= min(halo, length - span.last)
        assert span.last - span.first <= max(tile, multiple)
        assert (span.stop - span.start) % multiple == 0
        assert span.stop - span.start >= min(length, minimum)


@given(LENGTHS, st.integers(1, 64), st.integers(0, 20), st.integers(1, 8), st.integers(1, 40))
def test_windows(length: int, tile: int, halo: int, multiple: int, minimum: int) -> None:
    length += -length % multiple
    assume(length >= minimum)
    side = window_side(tile, halo, multiple, minimum)
    found = windows(length, tile, halo, multiple, minimum)
    assert [s.first for s in found] == [0, *[s.last for s in found[:-1]]]
    assert found[-1].last == length
    assert {s.stop - s.start for s in found} == {min(length, side)}
    assert side % multiple == 0
    assert max(s.stop - s.start for s in spans(length, tile, halo, multiple, minimum)) <= side
    for span in found:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.first - span.start >= min(halo, span.first)
        assert span.stop - span.last >= min(halo, length - span.last)


def test_tiles_are_balanced() -> None:
    """Not one full tile and a sliver."""
    assert [s.last - s.first for s in spans(520, 512, 8)] == [260, 260]


@given(st.integers(1, 80), st.integers(1, 80), st.integers(4, 32), st.booleans())
def test_every_pixel_once(height: int, width: int, tile: int, fixed: bool) -> None:
    count = np.zeros((height, width), int)
    for part in tiles(height, width, tile, 3, fixed=fixed):
        count[part.rows.first : part.rows.last, part.columns.first : part.columns.last] += 1
    assert (count == 1).all()


@pytest.mark.parametrize("tile", [5, 6, 7])
def test_a_multiple_larger_than_the_tile_wins(tile: int) -> None:
    assert all((s.stop - s.start) % 8 == 0 for s in spans(64, tile, 2, 8))
