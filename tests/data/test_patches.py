"""Patches equal crops of the reduced whole picture, and are the same in any order and with any worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from restore.data.folder import PhotoStore, list_photos
from restore.data.sampling import orient
from restore.data.sources.bicubic import PatchPairs
from restore.errors import DataError
from restore.imaging.resize import modcrop, resize
from tests.conftest import picture, save


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_patch_is_a_crop_of_the_whole_reduction(tmp_path: Path, scale: int) -> None:
    """At borders too: the pictures are barely larger than a patch, so that most windows are mirrored somewhere."""
    pixels = picture(8 * scale + 7, 9 * scale + 1)
    path = save(tmp_path / "x.png", pixels)
    high_whole = modcrop(pixels, scale)
    low_whole = resize(high_whole, 1 / scale)
    pairs = PatchPairs([path], scale, patch=7, seed=1)
    for number in range(40):
        low, high = pairs.cut(number)
        matches = [
            (y, x, which)
            for y in range(low_whole.shape[0] - 6)
            for x in range(low_whole.shape[1] - 6)
            for which in range(8)
            if np.array_equal(orient(low_whole[y : y + 7, x : x + 7], which), low)
        ]
        assert matches, number
        y, x, which = matches[0]
        wanted = high_whole[y * scale : (y + 7) * scale, x * scale : (x + 7) * scale]
        np.testing.assert_array_equal(orient(wanted, which), high)


def test_samples_depend_on_seed_and_number_alone(photos: Path) -> None:
    paths = list_photos([photos])
    a, b = PatchPairs(paths, 2, 12, seed=5), PatchPairs(paths, 2, 12, seed=5, budget=0)
    forward = [a[i] for i in range(20)]
    backward = [b[i] for i in reversed(range(20))][::-1]
    for x, y in zip(forward, backward, strict=True):
        assert torch.equal(x[0], y[0])
        assert torch.equal(x[1], y[1])
    other = PatchPairs(paths, 2, 12, seed=6)
    assert any(not torch.equal(forward[i][0], other[i][0]) for i in range(20))
    assert len({forward[i][0].numpy().tobytes() for i in range(20)}) == 20


def test_workers_give_the_same_batches(photos: Path) -> None:
    pairs = PatchPairs(list_photos([photos]), 2, 8, seed=0)
    numbers = [list(range(i * 4, i * 4 + 4)) for i in range(3)]
    alone = list(DataLoader(pairs, batch_sampler=numbers))
    shared = list(DataLoader(pairs, batch_sampler=numbers, num_workers=2))
    for a, b in zip(alone, shared, strict=True):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


def test_orientations_are_the_eight_symmetries() -> None:
    colors = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    assert len({orient(colors, i).tobytes() for i in range(8)}) == 8
    for which in range(8):  # OpenCV rotates bytes, NumPy other types
        np.testing.assert_array_equal(orient(colors, which), orient(colors.astype(np.int64), which))


def test_large_photographs_are_drawn_more_often(tmp_path: Path) -> None:
    small = save(tmp_path / "s.png", np.zeros((20, 20, 3), np.uint8))
    large = save(tmp_path / "l.png", np.full((40, 60, 3), 200, np.uint8))
    pairs = PatchPairs([small, large], 2, 8, seed=0)
    share = np.mean([pairs.cut(i)[1].mean() > 100 for i in range(300)])
    assert share == pytest.approx(2400 / 2800, abs=0.06)


def test_photographs_too_small_are_left_out(tmp_path: Path) -> None:
    small = save(tmp_path / "s.png", np.zeros((10, 90, 3), np.uint8))
    large = save(tmp_path / "l.png", np.full((40, 60, 3), 200, np.uint8))
    pairs = PatchPairs([small, large], 2, 8, seed=0)
    assert all(pairs.cut(i)[1].min() == 200 for i in range(30))
    with pytest.raises(DataError, match="none of 1 photographs.*16 x 16 pixels"):
        PatchPairs([small], 2, 8, seed=0)


def test_turned_photographs_are_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(40, 20)).save(tmp_path / "x.jpg", exif=exif)
    low, _ = PatchPairs([tmp_path / "x.jpg"], 2, 10, seed=0).cut(0)
    assert low.shape == (10, 10, 3)


def test_a_broken_photograph_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no")
    with pytest.raises(DataError, match=r"none of 1 photographs can be read; the first: .*x\.png: "):
        PatchPairs([tmp_path / "x.png"], 2, 8, seed=0)


def test_folders(photos: Path, tmp_path: Path) -> None:
    assert len(list_photos([photos])) == 5
    with pytest.raises(DataError, match="no such folder"):
        list_photos([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures found"):
        list_photos([tmp_path / "empty"])


def test_the_store_keeps_to_its_budget(photos: Path) -> None:
    paths = list_photos([photos])
    first = PhotoStore(paths)[0]
    store = PhotoStore(paths, budget=first.nbytes + 10)
    for i in range(5):
        assert store[i].shape[2] == 3
    assert 0 <= store.free <= 10
    assert store[0] is store[0]
    assert store[4] is not store[4]


def test_candidates_prefer_detail(tmp_path: Path) -> None:
    """A quarter of the picture is textured: one draw finds it with probability 1/4, three with 1 - (3/4)^3."""
    pixels = np.full((64, 800, 3), 128, np.uint8)
    pixels[:, 600:] = picture(64, 200)
    path = save(tmp_path / "x.png", pixels)

    def share(candidates: int) -> float:
        pairs = PatchPairs([path], 2, 4, seed=0, candidates=candidates)
        return float(np.mean([pairs.cut(i)[1].std() > 5 for i in range(400)]))

    assert share(1) == pytest.approx(0.25, abs=0.07)
    assert share(3) == pytest.approx(1 - 0.75**3, abs=0.07)


def test_neighboring_samples_choose_from_different_positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", picture(400, 400))
    pairs = PatchPairs([path], 2, 8, seed=0, candidates=3)
    seen = []
    original = pairs._place
    monkeypatch.setattr(pairs, "_place", lambda draw: seen.append(original(draw)[1:]) or original(draw))
    for number in range(40):
        pairs.cut(number)
    repeated = len(seen) - len(set(seen))
    assert len(seen) == 120
    assert repeated <= 2, "by chance, of 37,000 positions"
