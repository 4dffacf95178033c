"""Views of unpaired sets and of pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from restore.data.pairs import match_photos
from restore.data.sources.paired import PairViews
from restore.data.sources.unpaired import UnpairedViews
from restore.errors import DataError
from tests.conftest import picture, save


def test_each_side_comes_from_its_own_set_and_every_photograph_as_often(tmp_path: Path) -> None:
    for n in range(3):
        save(tmp_path / f"dark/{n}.png", np.full((30 + 20 * n, 40, 3), (n, 10, 10), np.uint8))
    for n in range(2):
        save(tmp_path / f"bright/{n}.png", np.full((50, 30 + 40 * n, 3), (n, 200, 200), np.uint8))
    save(tmp_path / "bright/small.png", np.full((50, 11, 3), 7, np.uint8))
    views = UnpairedViews([tmp_path / "dark"], [tmp_path / "bright"], 12, seed=0)
    counts = np.zeros((3, 2))
    for number in range(600):
        first, second = views.cut(number)
        assert first.shape == second.shape == (12, 12, 3)
        assert (first[0, 0, 1], second[0, 0, 1]) == (10, 200)
        counts[first[0, 0, 0], second[0, 0, 0]] += 1
    np.testing.assert_allclose(counts, 100, atol=45)


def test_they_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name / "x.png", picture(50, 60))
    sets = [tmp_path / "a"], [tmp_path / "b"]
    one, other = UnpairedViews(*sets, 12, seed=5), UnpairedViews(*sets, 12, seed=5, budget=0)
    backward = [other[i] for i in reversed(range(6))][::-1]
    assert all(torch.equal(x, y) for i in range(6) for x, y in zip(one[i], backward[i], strict=True))
    assert not torch.equal(one[0][0], one[0][1]), "independent draws, even from one picture"


def test_both_of_a_pair_show_the_same(tmp_path: Path) -> None:
    good = picture(60, 80)
    save(tmp_path / "target/x.png", good)
    save(tmp_path / "input/x.png", 255 - good)
    pairs = PairViews(match_photos(tmp_path / "input", tmp_path / "target"), 24, seed=1)
    for number in range(8):
        low, high = pairs.cut(number)
        assert np.abs(255 - low.astype(int) - high).max() <= 1
    # At least half of the picture, area-averaged: as smooth as a large square of it, unlike a patch.
    whole = cv2.resize(good[:, 10:70], (24, 24), interpolation=cv2.INTER_AREA)
    assert high.std() < 1.3 * whole.std()


def test_what_cannot_serve(tmp_path: Path) -> None:
    save(tmp_path / "input/x.png", picture(30, 40))
    save(tmp_path / "target/x.png", picture(60, 80))
    pairs = match_photos(tmp_path / "input", tmp_path / "target")
    with pytest.raises(DataError, match="the scale is 1, but"):
        PairViews(pairs, 12, seed=0)
    save(tmp_path / "target/x.png", picture(30, 40))
    with pytest.raises(DataError, match="none of 1 photographs has 31 pixels on its shorter side"):
        PairViews(pairs, 31, seed=0)
    with pytest.raises(DataError, match="input is in both sets"):
        UnpairedViews([tmp_path / "input"], [tmp_path / "input"], 12, seed=0)
