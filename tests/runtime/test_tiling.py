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


@given(LENGTHS, st.integers(1, 64), st.integers(0, 20), st.sampled_from([1, 2, 4, 8]), st.sampled_from([8, 16, 32]))
def test_aligned_spans_see_more_and_keep_the_same(length: int, tile: int, halo: int, multiple: int, align: int) -> None:
    length += -length % multiple
    plain, found = spans(length, tile, halo, multiple), spans(length, tile, halo, multiple, align=align)
    for before, after in zip(plain, found, strict=True):
        assert (before.first, before.last) == (after.first, after.last)
        assert 0 <= after.start <= before.start < before.stop <= after.stop <= length
        wanted = -(-(before.stop - before.start) // align) * align
        assert after.stop - after.start == wanted if wanted <= length else before == after


@pytest.mark.parametrize(("height", "width", "parallel", "count"), [
    (1000, 1000, 2, 4), (500, 500, 2, 2), (500, 500, 4, 4), (1500, 1500, 2, 12), (40, 40, 2, 1), (512, 1500, 4, 12),
])  # fmt: skip
def test_there_are_tiles_for_all_that_run_side_by_side(height: int, width: int, parallel: int, count: int) -> None:
    """Unless rows would be lower than the context that they need."""
    assert len(list(tiles(height, width, 512, 16, parallel=parallel))) == count


def test_tiles_are_balanced() -> None:
    """Not one full tile and a sliver."""
    assert [s.last - s.first for s in spans(520, 512, 8)] == [260, 260]


@given(st.integers(1, 80), st.integers(1, 80), st.integers(4, 32), st.booleans(), st.integers(1, 4))
def test_every_pixel_once(height: int, width: int, tile: int, fixed: bool, parallel: int) -> None:
    count = np.zeros((height, width), int)
    for part in tiles(height, width, tile, 3, fixed=fixed, width_align=16, parallel=parallel):
        count[part.rows.first : part.rows.last, part.columns.first : part.columns.last] += 1
    assert (count == 1).all()


@pytest.mark.parametrize("tile", [5, 6, 7])
def test_a_multiple_larger_than_the_tile_wins(tile: int) -> None:
    assert all((s.stop - s.start) % 8 == 0 for s in spans(64, tile, 2, 8))
