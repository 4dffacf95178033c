"""Two unpaired sets, drawn independently of each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from restore.data.sources.unpaired import UnpairedPatches
from restore.errors import DataError
from tests.conftest import picture, save


def two_sets(folder: Path) -> tuple[list[Path], list[Path]]:
    """Dark and bright pictures; their red value is their number."""
    for n in range(3):
        save(folder / f"dark/{n}.png", np.full((30, 40, 3), (n, 10, 10), np.uint8))
    for n in range(2):
        save(folder / f"bright/{n}.png", np.full((50, 30, 3), (n, 200, 200), np.uint8))
    return [folder / "dark"], [folder / "bright"]


def test_each_side_comes_from_its_own_set(tmp_path: Path) -> None:
    pairs = UnpairedPatches(*two_sets(tmp_path), patch=12, seed=0, scale=2)
    for number in range(30):
        first, second = pairs.cut(number)
        assert (first.shape, second.shape) == ((12, 12, 3), (24, 24, 3))
        assert first[..., 1].max() == 10
        assert second[..., 1].min() == 200


def test_the_sides_are_independent(tmp_path: Path) -> None:
    pairs = UnpairedPatches(*two_sets(tmp_path), patch=12, seed=0)
    counts = np.zeros((3, 2))
    for number in range(1200):
        first, second = pairs.cut(number)
        counts[first[0, 0, 0], second[0, 0, 0]] += 1
    np.testing.assert_allclose(counts, 200, atol=60)


def test_places_and_turns_are_independent_too(tmp_path: Path) -> None:
    """With the same picture in both sets, equal patches are as rare as chance predicts."""
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    for name in ("a", "b"):
        save(tmp_path / name / "x.png", pixels)
    pairs = UnpairedPatches([tmp_path / "a"], [tmp_path / "b"], patch=2, seed=0)
    same = np.mean([np.array_equal(*pairs.cut(i)) for i in range(2000)])
    assert same == pytest.approx(1 / 72, abs=0.01)


def test_samples_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name / "x.png", picture(50, 60))
    sets = [tmp_path / "a"], [tmp_path / "b"]
    a, b = UnpairedPatches(*sets, 12, seed=5), UnpairedPatches(*sets, 12, seed=5, budget=0)
    backward = [b[i] for i in reversed(range(10))][::-1]
    assert all(torch.equal(x, y) for i in range(10) for x, y in zip(a[i], backward[i], strict=True))
    assert not torch.equal(a[0][0], UnpairedPatches(*sets, 12, seed=6)[0][0])
    assert a[0][0].shape == (3, 12, 12)


def test_folders_that_cannot_serve(tmp_path: Path) -> None:
    dark, bright = two_sets(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures found"):
        UnpairedPatches(dark, [tmp_path / "empty"], 12, seed=0)
    with pytest.raises(DataError, match="dark is in both sets"):
        UnpairedPatches([*dark, *bright], [tmp_path / "bright/../dark"], 12, seed=0)
    with pytest.raises(DataError, match=r"dark is inside .*so its pictures are in both sets"):
        UnpairedPatches([tmp_path], dark, 12, seed=0)
    with pytest.raises(DataError, match="dark is inside"):
        UnpairedPatches(dark, [tmp_path], 12, seed=0)
    with pytest.raises(DataError, match="none of 2 photographs is large enough for a patch of 40 x 40"):
        UnpairedPatches(dark, bright, 20, seed=0, scale=2)
