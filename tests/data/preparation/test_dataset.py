"""restore dataset: what is wrong with a folder is found, tiles and copies are whole, and originals stay."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from scipy.ndimage import gaussian_filter

from restore.cli.main import main
from restore.data.preparation import perceptual_hash as hashing
from restore.data.preparation.perceptual_hash import equal_groups, perceptual_hash, similar_groups
from restore.data.preparation.photo_facts import blockiness, flat_share
from restore.data.preparation.tile_photos import positions
from restore.imaging.color.conversions import luma
from tests.conftest import save


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Clouds of several sizes, as smooth and as rough as photographs."""
    draw = np.random.default_rng(seed)
    layers = [gaussian_filter(draw.normal(0, 1, (height, width, 3)), (s, s, 0)) * s for s in (1, 4, 16)]
    values = sum(layers)
    return np.clip(128 + 45 * values / values.std(), 0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def gray(pixels: np.ndarray) -> np.ndarray:
    return luma(np.ascontiguousarray(pixels)).astype(np.float32)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["dataset", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six photographs, a copy as another format, a smaller version, a small, a blocky, a flat and two broken ones."""
    for seed in range(6):
        save(tmp_path / f"set/{'ab'[seed % 2]}/{seed}.png", photo(260, 300, seed))
    save(tmp_path / "set/copy.bmp", photo(260, 300, 0))
    smaller = Image.fromarray(photo(260, 300, 1)).resize((225, 195), Image.Resampling.BICUBIC)
    save(tmp_path / "set/smaller.jpg", np.asarray(smaller), quality=80)
    save(tmp_path / "set/small.png", photo(100, 300, 7))
    save(tmp_path / "set/blocky.png", jpeg(photo(260, 300, 8), 10))
    save(tmp_path / "set/flat.png", np.full((260, 300, 3), 90, np.uint8))
    (tmp_path / "set/no.jpg").write_text("no")
    whole = (tmp_path / "set/a/2.png").read_bytes()
    (tmp_path / "set/cut.png").write_bytes(whole[:-4000])
    (tmp_path / "set/notes.txt").write_text("not a picture")
    return tmp_path / "set"


def test_check(folder: Path) -> None:
    result = run("check", folder, "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    faults = {Path(one["file"]).name: one["fault"] for one in found["photos"]}
    assert len(faults) == 13
    assert {name for name, fault in faults.items() if fault} == {"no.jpg", "cut.png", "small.png", "blocky.png"}
    assert "not a picture" in faults["no.jpg"]
    assert "truncated" in faults["cut.png"]
    assert faults["small.png"] == "300 x 100 pixels, less than 192 on the shorter side"
    assert faults["blocky.png"].startswith("JPEG blocks: ")
    names = [[sorted(Path(name).name for name in group) for group in found[key]] for key in ("equal", "similar")]
    assert names == [[["0.png", "copy.bmp"]], [["1.png", "smaller.jpg"]]]


def test_check_in_words(folder: Path) -> None:
    said = run("check", folder, "--max-flat", "0.9").output
    assert "damaged: 2" in said
    assert "outside the limits: 3" in said
    assert "flat.png: 100% of it flat, more than 90%" in said
    assert "the same pixels: 2 photographs in 1 group\n" in said
    assert "look alike: 2 photographs in 1 group\n" in said
    assert "13 photographs: 8 within the limits, 2 damaged, 1 superfluous copy" in said


def test_a_good_folder(tmp_path: Path) -> None:
    save(tmp_path / "a.png", photo(200, 200))
    result = run("check", tmp_path)
    assert result.exit_code == 0
    assert result.output == "1 photograph: 1 within the limits, 0 damaged, 0 superfluous copies\n"
    (tmp_path / "empty").mkdir()
    assert run("check", tmp_path / "empty").exit_code == 2


@pytest.mark.parametrize("seed", range(3))
def test_blockiness_grows_with_compression_and_does_not_need_the_grids_place(seed: int) -> None:
    pixels = photo(256, 256, seed)
    values = [blockiness(gray(jpeg(pixels, quality))) for quality in (95, 50, 25, 8)]
    assert values == sorted(values)
    assert blockiness(gray(pixels)) < 1.15
    assert values[-1] > 1.5
    moved = jpeg(pixels, 8)[3:, 5:]
    assert blockiness(gray(moved)) == pytest.approx(values[-1], rel=0.1)
    assert blockiness(np.zeros((20, 300), np.float32)) == 1.0
    assert blockiness(np.zeros((64, 64), np.float32)) == 1.0


def test_flat_share_is_the_share_of_flat_blocks() -> None:
    values = np.full((64, 70), 100, np.float32)
    values[:16] += np.random.default_rng(0).normal(0, 20, (16, 70))
    assert flat_share(values) == 0.75
    assert flat_share(values[:10]) == 0.0


def test_the_hash_survives_what_copies_go_through() -> None:
    pixels = photo(256, 320, 3)
    original = perceptual_hash(gray(pixels))
    smaller = np.asarray(Image.fromarray(pixels).resize((200, 160), Image.Resampling.BICUBIC))
    for other in (jpeg(pixels, 30), smaller, np.clip(pixels.astype(int) + 12, 0, 255).astype(np.uint8)):
        assert (perceptual_hash(gray(other)) ^ original).bit_count() <= hashing.CLOSE
    others = [perceptual_hash(gray(photo(256, 320, seed))) for seed in range(4, 14)]
    assert min((one ^ original).bit_count() for one in others) > 10


def test_groups_are_those_of_all_comparisons() -> None:
    draw = np.random.default_rng(0)
    base = [int(value) for value in draw.integers(2**62, 2**63, 40)]
    hashes = base + [value ^ (1 << int(draw.integers(64))) ^ (1 << int(draw.integers(64))) for value in base[:10]]
    assert similar_groups(hashes) == [[i, 40 + i] for i in range(10)]
    chain = [0xFFFF, 0xFFFF ^ 0b111, 0xFFFF ^ 0b111111]
    assert similar_groups(chain) == [[0, 1, 2]], "through the one between"
    assert similar_groups([0, 0, 1, 1]) == [], "flat pictures say nothing"
    assert equal_groups(["a", "", "b", "a", ""]) == [[0, 3]]


def test_many_hashes_take_no_square_of_time() -> None:
    hashes = [int(value) for value in np.random.default_rng(1).integers(0, 2**63, 30_000)]
    began = time.process_time()
    similar_groups(hashes)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("length", "found"),
    [(480, [0]), (720, [0, 240]), (721, [0, 240, 241]), (1000, [0, 240, 480, 520]), (960, [0, 240, 480])],
)
def test_positions(length: int, found: list[int]) -> None:
    assert positions(length, 480, 240) == found


def test_tiles_cover_the_photograph_and_are_its_pixels(tmp_path: Path) -> None:
    pixels = photo(150, 210)
    save(tmp_path / "in/sub/x.png", pixels)
    deep = np.random.default_rng(0).integers(0, 2**16, (64, 96), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "in/deep.png")
    result = run("tile", tmp_path / "in", tmp_path / "out", "--side", "64", "--step", "48")
    assert result.exit_code == 0, result.output
    files = sorted((tmp_path / "out/sub").iterdir())
    assert [file.name for file in files][:2] == ["x_s001.png", "x_s002.png"]
    covered = np.zeros((150, 210), bool)
    corners = [(top, left) for top in (0, 48, 86) for left in (0, 48, 96, 144, 146)]
    assert len(files) == len(corners)
    for file, (top, left) in zip(files, corners, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), pixels[top : top + 64, left : left + 64])
        covered[top : top + 64, left : left + 64] = True
    assert covered.all()
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/deep_s001.png")), deep[:, :64])


def test_tiling_goes_on_and_names_what_it_cannot_cut(folder: Path, tmp_path: Path) -> None:
    arguments = "tile", folder, tmp_path / "out", "--side", "128", "--step", "128"
    first = run(*arguments)
    assert first.exit_code == 1
    for reason in (
        "small.png: 300 x 100 pixels are less than a tile of 128",
        "no.jpg: not a picture",
        "cut.png: damaged",
    ):
        assert reason in first.output
    tiles = sorted((tmp_path / "out").rglob("*.png"))
    times = {tile: tile.stat().st_mtime_ns for tile in tiles}
    tiles[3].unlink()
    (tiles[0].parent / "x.part").touch()
    second = run(*arguments)
    assert "1 tiles of 10 photographs written" in second.output
    assert f"{len(tiles) - 1} were there" in second.output
    assert sorted((tmp_path / "out").rglob("*.png")) == tiles
    assert {tile: tile.stat().st_mtime_ns for tile in tiles if tile != tiles[3]} == {
        tile: when for tile, when in times.items() if tile != tiles[3]
    }


@pytest.mark.parametrize("other", [("64", "64"), ("128", "64")])
def test_tiles_of_another_cut_are_not_taken_for_these(tmp_path: Path, other: tuple[str, str]) -> None:
    save(tmp_path / "in/x.png", photo(150, 210))
    arguments = "tile", tmp_path / "in", tmp_path / "out", "--side", "128", "--step", "128"
    assert run(*arguments).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    result = run(*arguments[:3], "--side", other[0], "--step", other[1])
    assert result.exit_code == 2
    assert f"cut with --side 128 --step 128, not --side {other[0]} --step {other[1]}: choose another" in result.output
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    (tmp_path / "out/.restore-tiles.json").write_text("[")
    assert "cut with other options" in run(*arguments).output


def test_filter_lists_or_copies(folder: Path, tmp_path: Path) -> None:
    listed = CliRunner().invoke(main, ["dataset", "filter", str(folder), "--unique"])
    names = [Path(line).name for line in listed.stdout.splitlines()]
    assert sorted(names) == ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "flat.png", "smaller.jpg"]
    assert "copy.bmp: has the pixels of " in listed.stderr
    arguments = "filter", folder, tmp_path / "out", "--max-flat", "0.5", "--min-side", "200"
    result = run(*arguments)
    assert result.exit_code == 1, "two are damaged"
    copied = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*"))
    assert [str(path) for path in copied] == [
        "a/0.png",
        "a/2.png",
        "a/4.png",
        "b/1.png",
        "b/3.png",
        "b/5.png",
        "copy.bmp",
    ]
    assert all((tmp_path / "out" / path).read_bytes() == (folder / path).read_bytes() for path in copied)
    assert "0 of 13 photographs copied" in run(*arguments).output
    (tmp_path / "out/a/0.png").write_text("another")
    result = run(*arguments)
    assert result.exit_code == 2
    assert "exists and is not a copy of" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "{d}", "{d}/out"], "OUT applies to tile and filter, not to check"),
        (["check", "{d}", "--side", "64"], "--side applies to tile, not to check"),
        (["tile", "{d}"], "Missing argument 'OUT'"),
        (["tile", "{d}", "{d}/out"], "is inside"),
        (["filter", "{d}", "{d}/out"], "is inside"),
        (["tile", "{d}", "{d}-out", "--side", "64", "--step", "65"], "pixels between the tiles would be lost"),
        (["tile", "{d}", "{d}-out", "--min-side", "3"], "--min-side applies to check and filter, not to tile"),
        (["filter", "{d}", "--json"], "--json applies to check, not to filter"),
        (["check", "{d}/gone"], "no such folder"),
    ],
)
def test_wrong_use(arguments: list[str], says: str, tmp_path: Path) -> None:
    save(tmp_path / "set/a.png", photo(200, 200))
    result = run(*(word.format(d=tmp_path / "set") for word in arguments))
    assert result.exit_code == 2
    assert says in result.output


def test_two_photographs_whose_tiles_would_be_one(tmp_path: Path) -> None:
    save(tmp_path / "set/a.png", photo(70, 70))
    save(tmp_path / "set/a.jpg", photo(70, 70))
    result = run("tile", tmp_path / "set", tmp_path / "out", "--side", "64", "--step", "32")
    assert result.exit_code == 2
    assert "would have tiles of the same names" in result.output
