"""Synthetic drawings for training, and their share among the patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.data.degradations.options import SecondOrder
from restore.data.drawings import drawing
from restore.data.sources.bicubic import PatchPairs
from restore.data.sources.degraded import DegradedPairs
from restore.imaging.resize import shrink
from tests.conftest import picture, save


@pytest.mark.parametrize("side", [8, 33, 208])
def test_the_same_draws_give_the_same_drawing(side: int) -> None:
    for seed in range(60):
        one, other = (drawing(side, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == (side, side, 3)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


def test_drawings_are_of_all_kinds() -> None:
    """Flat ones, ones of two colors only, anti-aliased or graded ones; and what is drawn can be seen."""
    colors = [len(np.unique(drawing(96, np.random.default_rng(seed)).reshape(-1, 3), axis=0)) for seed in range(200)]
    assert 0.05 < np.mean(np.array(colors) == 1) < 0.3
    assert np.mean(np.array(colors) == 2) > 0.2
    assert np.mean(np.array(colors) > 8) > 0.2


def test_their_share_and_their_low_resolution(tmp_path: Path) -> None:
    """Photographs here are blue; a drawing is reduced as a part of a larger picture, not with a border of its own."""
    blue = picture(80, 90) // np.array([255, 255, 1], np.uint8)
    paths = [save(tmp_path / "blue.png", blue)]
    pairs = PatchPairs(paths, 2, 16, seed=0, drawings=0.25)
    drawn = [
        number for number in range(400) if pairs.cut(number)[1][..., :2].any() or np.ptp(pairs.cut(number)[1]) == 0
    ]
    assert 60 < len(drawn) < 140
    for number in drawn[:40]:
        low, high = pairs.cut(number)
        assert low.shape == (16, 16, 3)
        assert high.shape == (32, 32, 3)
        np.testing.assert_array_equal(low[2:-2, 2:-2], shrink(np.ascontiguousarray(high), 2)[2:-2, 2:-2])


def test_their_share_among_degraded_photographs(tmp_path: Path) -> None:
    """Undegraded, a patch of a drawing is the same on both sides."""
    blue = picture(80, 90) // np.array([255, 255, 1], np.uint8)
    paths, clean = [save(tmp_path / "blue.png", blue)], SecondOrder(preset="clean")
    pairs = DegradedPairs(paths, 1, 16, 0, clean, drawings=0.25)
    drawn = [number for number in range(400) if pairs.cut(number)[1][..., :2].any()]
    assert 60 < len(drawn) < 140
    for number in drawn[:20]:
        low, high = pairs.cut(number)
        assert low.shape == high.shape == (16, 16, 3)
        np.testing.assert_array_equal(low, high)
