"""Two folders as pairs: what matches, what is refused by name, and patches that lie on each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from restore.data.folder import photo_sizes
from restore.data.pairs import match_photos
from restore.data.sources.paired import FolderPairs
from restore.data.template_hint import template_hint
from restore.errors import DataError
from tests.conftest import picture, save


def enlarged(low: np.ndarray, scale: int) -> np.ndarray:
    return low.repeat(scale, axis=0).repeat(scale, axis=1)


def two_folders(folder: Path, scale: int, more: int = 0) -> tuple[Path, Path]:
    """Three pairs whose high side is the low one with every pixel repeated; ``more`` rows and columns are black."""
    for n, name in enumerate(("a", "sub/b", "sub/c.d")):
        low = picture(20 + n, 30 - n, seed=n)
        save(folder / f"low/{name}.png", low)
        high = np.pad(enlarged(low, scale), ((0, more), (0, more), (0, 0)))
        save(folder / f"high/{name}.{('png', 'bmp', 'tif')[n]}", high)
    return folder / "low", folder / "high"


@pytest.mark.parametrize(("scale", "more"), [(1, 0), (2, 0), (2, 1), (3, 2), (4, 0)])
def test_patches_lie_on_each_other(tmp_path: Path, scale: int, more: int) -> None:
    pairs = FolderPairs(match_photos(*two_folders(tmp_path, scale, more)), patch=12, seed=0)
    assert pairs.scale == scale
    for number in range(40):
        low, high = pairs.cut(number)
        assert low.shape == (12, 12, 3)
        np.testing.assert_array_equal(enlarged(low, scale), high)


def test_every_place_and_turn_is_drawn(tmp_path: Path) -> None:
    low = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    save(tmp_path / "low/a.png", low)
    save(tmp_path / "high/a.png", low)
    pairs = FolderPairs(match_photos(tmp_path / "low", tmp_path / "high"), patch=2, seed=1)
    assert len({pairs.cut(i)[0].tobytes() for i in range(1500)}) == 9 * 8


def test_samples_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    folders = two_folders(tmp_path, 2)
    a, b = FolderPairs(match_photos(*folders), 8, seed=5), FolderPairs(match_photos(*folders), 8, seed=5, budget=0)
    forward = [a[i] for i in range(20)]
    backward = [b[i] for i in reversed(range(20))][::-1]
    for x, y in zip(forward, backward, strict=True):
        assert torch.equal(x[0], y[0])
        assert torch.equal(x[1], y[1])
    assert forward[0][1].shape == (3, 16, 16)
    assert forward[0][1].dtype == torch.uint8
    other = FolderPairs(match_photos(*folders), 8, seed=6)
    assert any(not torch.equal(forward[i][0], other[i][0]) for i in range(20))
    (shared,) = DataLoader(b, batch_sampler=[[3, 4, 5]], num_workers=1)
    assert torch.equal(shared[0], torch.stack([forward[i][0] for i in (3, 4, 5)]))


def test_the_store_is_bounded_over_both_sides(tmp_path: Path) -> None:
    pairs = FolderPairs(match_photos(*two_folders(tmp_path, 2)), 8, seed=0, budget=9000)
    for number in range(30):
        pairs.cut(number)
    assert 0 <= pairs.store.free < 9000


def test_partners_that_are_missing_are_named(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    (high / "a.png").unlink()
    save(high / "sub/e.png", picture(40, 40))
    with pytest.raises(DataError) as caught:
        match_photos(low, high)
    first, second = str(caught.value).splitlines()
    assert f"{low / 'a.png'} has no picture of the same name in {high}: add the partner, or remove it" in first
    assert f"{high / 'sub/e.png'} has no picture of the same name in {low}" in second


def test_many_missing_partners_are_counted(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    for number in range(8):
        save(low / f"{number}.png", picture(20, 20))
    with pytest.raises(DataError, match=r"4\.png and 3 more have no picture"):
        match_photos(low, high)


def test_doubled_names(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    save(high / "a.jpg", picture(40, 60))
    with pytest.raises(DataError, match=r"a\.jpg and .*a\.png are both 'a'"):
        FolderPairs(match_photos(low, high), 8, seed=0)


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    save(high / "sub/b.bmp", picture(63, 58))
    with pytest.raises(
        DataError, match=r"first pair has scale 2, but .*b\.png \(29 x 21\) and .*b\.bmp \(58 x 63\) does"
    ):
        FolderPairs(match_photos(low, high), 8, seed=0)
    with pytest.raises(DataError, match="the scale is 3, but .* do not fit"):
        FolderPairs(match_photos(low, high), 8, seed=0, scale=3)
    with pytest.raises(DataError, match="has scale 1, but .* do not fit"):
        FolderPairs(match_photos(high, low), 8, seed=0)


def test_folders_that_cannot_serve(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    with pytest.raises(DataError, match="both sides of the pairs are this folder"):
        FolderPairs(match_photos(low, low / "../low"), 8, seed=0)
    with pytest.raises(DataError, match="no such folder"):
        FolderPairs(match_photos(low, tmp_path / "none"), 8, seed=0)
    with pytest.raises(DataError, match="none of 3 photographs is large enough for a patch of 64 x 64"):
        FolderPairs(match_photos(low, high), 64, seed=0)
    (low / "a.png").write_text("no")
    pairs = FolderPairs(match_photos(low, high), 8, seed=0)
    assert [pairs.store.paths[number] for number in sorted(pairs.store.damaged)] == [low / "a.png", high / "a.png"]
    drawn = [pairs.cut(number)[0] for number in range(30)]
    assert not any(0 in pixels.shape for pixels in drawn), "the pair of the broken one is never drawn"
    for path in low.rglob("*.png"):
        path.write_text("no")
    with pytest.raises(DataError, match=r"none of 6 photographs can be read|no pair of pictures can be read"):
        FolderPairs(match_photos(low, high), 8, seed=0)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png"])
def test_sizes_are_those_of_the_picture_upright(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(40, 20)).save(tmp_path / f"x.{suffix}", exif=exif)
    assert photo_sizes([tmp_path / f"x.{suffix}"]).tolist() == [[20, 40]]


def test_a_turned_partner(tmp_path: Path) -> None:
    """The target is rotated by its EXIF orientation, the input is already upright."""
    low = np.zeros((10, 20, 3), np.uint8)
    low[:5] = 200
    save(tmp_path / "low/a.png", low)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "high").mkdir()
    Image.fromarray(np.rot90(enlarged(low, 2)).copy()).save(tmp_path / "high/a.png", exif=exif)
    pairs = FolderPairs(match_photos(tmp_path / "low", tmp_path / "high"), 8, seed=0)
    for number in range(10):
        first, second = pairs.cut(number)
        np.testing.assert_array_equal(enlarged(first, 2), second)


def test_a_template_pairs_data_sets_that_name_the_input_otherwise(tmp_path: Path) -> None:
    low, high = two_folders(tmp_path, 2)
    for path in [*low.rglob("*.png")]:
        path.rename(path.with_name(f"{path.stem}x2.png"))
    with pytest.raises(DataError, match="no picture of the same name"):
        match_photos(low, high)
    pairs = match_photos(low, high, "{stem}x2")
    assert [(a.name, b.name) for a, b in pairs] == [
        ("ax2.png", "a.png"),
        ("bx2.png", "b.bmp"),
        ("c.dx2.png", "c.d.tif"),
    ]
    assert FolderPairs(pairs, 8, seed=0).scale == 2


@pytest.mark.parametrize(
    ("low", "high", "template"),
    [
        (["0001x4", "0002x4"], ["0001", "0002"], "{stem}x4"),
        (["a/lr_1", "b/lr_1"], ["a/1", "b/1"], "lr_{stem}"),
        (["baby_LR", "bird_LR"], ["baby", "bird"], "{stem}_LR"),
        (["1_1_0.9", "1_2_0.8", "12_1_0.9"], ["1", "12"], "{stem}_*"),
        (["1x4", "11x4"], ["1", "11"], "{stem}x4"),
        (["0001x4"], ["0001", "0002"], "{stem}x4"),
        (["one", "two"], ["three", "four"], ""),
        ([], ["one"], ""),
    ],
)
def test_a_template_is_guessed(low: list[str], high: list[str], template: str) -> None:
    assert template_hint(low, high) == template


@pytest.mark.parametrize("wrong", [None, "{stem}x2"])
def test_names_that_do_not_match_tell_the_template(tmp_path: Path, wrong: str | None) -> None:
    low, high = two_folders(tmp_path, 2)
    for path in sorted(low.rglob("*.png")):
        path.rename(path.with_stem(f"{path.stem}x4"))
    with pytest.raises(DataError, match=r"(?s)add the partner.*\nThe names fit the template '\{stem\}x4'$"):
        match_photos(low, high, wrong)
    assert len(match_photos(low, high, "{stem}x4")) == 3


def test_a_scale_that_is_wrong_for_all_tells_the_right_one(tmp_path: Path) -> None:
    pairs = match_photos(*two_folders(tmp_path, 4, 3))
    with pytest.raises(
        DataError, match=r"^the scale is 2, but the second picture of every pair is 4 times .*: set scale: 4$"
    ):
        FolderPairs(pairs, 8, seed=0, scale=2)
