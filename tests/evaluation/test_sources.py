"""The benchmarks' usual folder layouts are recognized and described; other folders are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.errors import DataError
from restore.evaluation.sources import find_sources, matching_pictures
from tests.conftest import picture, save

PIXELS = picture(8, 8)
FIVE = ("baby", "bird", "butterfly", "head", "woman")


def edsr(folder: Path) -> None:
    for name in FIVE:
        save(folder / f"HR/{name}.png", PIXELS)
        for scale in (2, 4):
            save(folder / f"LR_bicubic/X{scale}/{name}x{scale}.png", PIXELS)


def basicsr(folder: Path) -> None:
    for name in FIVE:
        save(folder / f"original/{name}.png", PIXELS)
        save(folder / f"GTmod12/{name}.png", PIXELS)
        save(folder / f"LRbicx2/{name}.png", PIXELS)


def side_by_side(folder: Path, sub: str = "x2", scale: int = 2) -> None:
    for number in range(1, 6):
        for kind in ("HR", "LR", "bicubic"):
            save(folder / sub / f"img_{number:03}_SRF_{scale}_{kind}.png", PIXELS)


@pytest.mark.parametrize(
    ("make", "said", "first", "low"),
    [
        (edsr, "HR and LR_bicubic/X2", "HR/baby.png", "LR_bicubic/X2/babyx2.png"),
        (basicsr, "GTmod12 and LRbicx2", "GTmod12/baby.png", "LRbicx2/baby.png"),
        (side_by_side, "x2/*_HR and x2/*_LR", "x2/img_001_SRF_2_HR.png", "x2/img_001_SRF_2_LR.png"),
    ],
)
def test_layouts(tmp_path: Path, make, said: str, first: str, low: str) -> None:
    folder = tmp_path / "Set5"
    make(folder)
    found = find_sources(folder, None, None, None, 2)
    assert found.description == f"Set5 (5 pictures), by its layout {said}"
    assert len(found.references) == 5
    assert found.references[0] == folder / first
    assert found.lows is not None
    assert found.lows[folder / first] == folder / low
    assert found.scale == 2


def test_a_folder_for_one_scale_says_it(tmp_path: Path) -> None:
    side_by_side(tmp_path / "Set5", "image_SRF_4", 4)
    side_by_side(tmp_path / "Set5", "x2")
    alone = find_sources(tmp_path / "Set5/image_SRF_4", None, None, None, None)
    assert alone.scale == 4
    assert alone.description.startswith("Set5 (5 pictures)")
    assert find_sources(tmp_path / "Set5", None, None, None, 4).references == alone.references
    # Another scale: the references serve, their low resolution does not.
    other = find_sources(tmp_path / "Set5/image_SRF_4", None, None, None, 3)
    assert other.lows is None
    with pytest.raises(DataError, match=r"scale of 3 here, only x2, image_SRF_4|only image_SRF_4, x2"):
        find_sources(tmp_path / "Set5", None, None, None, 3)
    with pytest.raises(DataError, match="--scale"):
        find_sources(tmp_path / "Set5", None, None, None, None)


def test_a_set_that_lacks_pictures_is_told(tmp_path: Path) -> None:
    edsr(tmp_path / "Set5")
    (tmp_path / "Set5/HR/baby.png").unlink()
    assert "4 pictures, expected 5" in find_sources(tmp_path / "Set5", None, None, None, 2).description


@pytest.mark.parametrize("make", [edsr, basicsr])
def test_a_missing_low_resolution_is_named(tmp_path: Path, make) -> None:
    make(tmp_path / "Set5")
    for low in (tmp_path / "Set5").glob("L*/**/bird*"):
        low.unlink()
    with pytest.raises(DataError, match=r"low-resolution file of bird\.png is missing"):
        find_sources(tmp_path / "Set5", None, None, None, 2)


@pytest.mark.parametrize("make", [edsr, basicsr])
def test_for_a_scale_without_files_they_are_made(tmp_path: Path, make) -> None:
    make(tmp_path / "Set5")
    found = find_sources(tmp_path / "Set5", None, None, None, 3)
    assert found.lows is None
    assert len(found.references) == 5
    assert found.description


def test_what_is_asked_for_comes_before_what_is_recognized(tmp_path: Path) -> None:
    side_by_side(tmp_path / "Set5")
    own = find_sources(tmp_path / "Set5/x2", "*_HR.png", None, None, 2)
    assert (own.description, own.lows) == ("", None)
    assert len(own.references) == 5


def test_a_plain_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in FIVE:
        save(tmp_path / f"{name}.png", PIXELS)
    save(tmp_path / ".hidden.png", PIXELS)
    (tmp_path / "notes.txt").write_text("no")
    found = find_sources(tmp_path, None, None, None, 2)
    assert [p.stem for p in found.references] == list(FIVE)
    assert (found.description, found.lows, found.scale) == ("", None, None)


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures match"):
        find_sources(tmp_path, None, None, None, 2)
    save(tmp_path / ".hidden.png", PIXELS)
    with pytest.raises(DataError, match="no pictures match"):
        find_sources(tmp_path, None, None, None, 2)
    with pytest.raises(DataError, match="no such folder"):
        find_sources(tmp_path / "none", None, None, None, 2)
    (tmp_path / "HR").mkdir()
    with pytest.raises(DataError, match=r"HR: no pictures match"):
        find_sources(tmp_path, None, None, None, 2)


@pytest.mark.parametrize("pattern", ["/tmp/*", "{folder}/*", ""])
def test_a_pattern_is_of_files_in_the_folder(tmp_path: Path, pattern: str) -> None:
    save(tmp_path / "a.png", PIXELS)
    with pytest.raises(DataError, match="write it relative to the folder"):
        matching_pictures(tmp_path, pattern.format(folder=tmp_path))
    assert matching_pictures(tmp_path, "[a-c].*") == [tmp_path / "a.png"]
