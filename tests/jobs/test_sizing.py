"""Results get the size that was asked for, and nothing is enlarged that is large enough."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from restore.cli.main import main
from restore.jobs.sizing import Sizing, TargetSize
from tests.conftest import picture, save


@pytest.mark.parametrize(
    ("target", "size", "wanted"),
    [
        (TargetSize(scale=1.5), (101, 200), (152, 300)),
        (TargetSize(scale=3), (7, 5), (21, 15)),
        (TargetSize(width=300), (100, 200), (150, 300)),
        (TargetSize(height=50), (100, 200), (50, 100)),
        (TargetSize(width=300, height=100), (100, 200), (100, 200)),
        (TargetSize(width=300, height=400), (100, 200), (150, 300)),
        (TargetSize(longest=1000), (300, 200), (1000, 667)),
        (TargetSize(longest=3), (1000, 2), (3, 1)),
        (TargetSize(megapixels=12), (3000, 1000), (6000, 2000)),
        (TargetSize(min_side=500), (250, 300), (500, 600)),
        (TargetSize(min_side=500), (500, 501), (500, 501)),
    ],
)
def test_the_size_of_the_result(target: TargetSize, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert target.of(*size) == wanted


SIDES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@given(SIDES, st.integers(1, 5000), st.integers(1, 5000))
def test_a_box_is_filled_and_not_exceeded(size: tuple[int, int], height: int, width: int) -> None:
    rows, columns = TargetSize(width=width, height=height).of(*size)
    assert rows <= height
    assert columns <= width
    assert rows == height or columns == width


@given(SIDES, st.integers(1, 5000))
def test_the_longer_side_is_exact(size: tuple[int, int], longest: int) -> None:
    assert max(TargetSize(longest=longest).of(*size)) == longest


@given(SIDES, st.integers(1, 5000))
def test_the_shorter_side_is_reached_and_nothing_shrinks(size: tuple[int, int], least: int) -> None:
    made = TargetSize(min_side=least).of(*size)
    assert min(made) == max(least, min(size))
    assert Sizing(4, TargetSize(min_side=least)).uses_network(*size) == (min(size) < least)


def test_what_does_not_enlarge_only_makes_smaller() -> None:
    sizing = Sizing(1, TargetSize(longest=100))
    assert sizing.result(50, 80) == (50, 80)
    assert sizing.note(50, 80) == "not enlarged: this model does not enlarge"
    assert sizing.result(500, 800) == (63, 100)
    assert sizing.uses_network(500, 800)
    assert sizing.note(500, 800) == ""


def test_memory_counts_what_goes_beyond_the_model() -> None:
    assert Sizing(2).growth(10, 10) == 5
    assert Sizing(2, TargetSize(scale=8)).growth(10, 10) == 69


def enhance(*arguments: object) -> list[dict]:
    result = CliRunner().invoke(main, ["enhance", *map(str, arguments), "--json", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_folder_by_its_longer_side(tmp_path: Path) -> None:
    """Each in its own mode and depth; alpha too; larger ones are only made smaller."""
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "small.png", picture(20, 30))
    save(source / "gray.png", picture(30, 20, channels=1))
    save(source / "large.png", picture(120, 160))
    alpha = np.dstack([picture(24, 24), np.tile(np.arange(0, 240, 10, dtype=np.uint8), (24, 1))])
    save(source / "clear.png", alpha)
    Image.fromarray(np.full((16, 20), 40_000, np.uint16)).save(source / "deep.png")
    *rows, last = enhance(source, out, "--longest", 90)
    assert last["model"] == "sr-x4"
    assert {Path(row["target"]).name: row["size_out"] for row in rows} == {
        "small.png": [90, 60],
        "gray.png": [60, 90],
        "large.png": [90, 68],
        "clear.png": [90, 90],
        "deep.png": [90, 72],
    }
    for row in rows:
        before, after = Image.open(row["source"]), Image.open(row["target"])
        assert after.size == tuple(row["size_out"])
        assert (after.mode, after.format) == (before.mode, before.format)
    notes = {Path(row["target"]).name: row["note"] for row in rows}
    assert notes["large.png"] == "only made smaller"
    assert notes["deep.png"] == "enlarged 4 times by the model, and the rest by bicubic interpolation"
    assert notes["small.png"] == ""
    assert np.abs(np.asarray(Image.open(out / "deep.png")).astype(int) - 40_000).max() < 3 * 257
    shrunk = np.asarray(Image.open(source / "large.png").resize((90, 68), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(np.asarray(Image.open(out / "large.png")), shrunk)


def test_any_factor_is_the_next_larger_model_made_smaller(tmp_path: Path) -> None:
    save(tmp_path / "a.png", picture(40, 50))
    (row, last) = enhance(tmp_path / "a.png", tmp_path / "b.png", "--scale", 1.5)
    assert (row["size_out"], last["model"]) == ([75, 60], "sr-x2")
    (row, last) = enhance(tmp_path / "a.png", tmp_path / "c.png", "--scale", 3)
    assert (row["size_out"], last["model"]) == ([150, 120], "sr-x4")
    enhance(tmp_path / "a.png", tmp_path / "d.png", "--scale", 4)
    wanted = np.asarray(Image.open(tmp_path / "d.png").resize((150, 120), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "c.png")), wanted)


def test_what_is_large_enough_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    # Its XMP cannot be parsed, so that it would be dropped with a note if the picture were encoded again.
    save(source / "a.jpg", picture(60, 70), quality=70, xmp=b"<broken")
    save(source / "b.jpg", picture(20, 70), quality=70)
    rows = {Path(row["source"]).name: row for row in enhance(source, out, "--min-side", 50)[:-1]}
    assert (out / "a.jpg").read_bytes() == (source / "a.jpg").read_bytes()
    assert rows["a.jpg"]["note"] == "large enough already", "and nothing about what re-encoding would lose"
    assert rows["b.jpg"]["size_out"] == [175, 50]
    again = enhance(source, out, "--min-side", 50, "--resume")
    assert [row["status"] for row in again[:-1]] == ["done", "done"]
    assert [row["status"] for row in enhance(source, out, "--min-side", 40, "--resume")[:-1]] == ["enhanced"] * 2
    enhance(source, tmp_path / "png", "--min-side", 50, "--format", "png")
    kept = np.asarray(Image.open(tmp_path / "png/a.png"))
    np.testing.assert_array_equal(kept, np.asarray(Image.open(source / "a.jpg")))


def test_stripping_is_not_skipped_for_what_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    save(tmp_path / "in/a.jpg", picture(60, 70), exif=exif)
    enhance(tmp_path / "in", tmp_path / "out", "--min-side", 50, "--strip")
    assert not Image.open(tmp_path / "out/a.jpg").getexif()


def test_a_model_that_does_not_enlarge_runs_and_is_made_smaller(tmp_path: Path) -> None:
    dark = picture(60, 80) // 6
    save(tmp_path / "a.png", dark)
    (row, _) = enhance(tmp_path / "a.png", tmp_path / "b.png", "--model", "backlit", "--longest", 40)
    assert row["size_out"] == [40, 30]
    enhance(tmp_path / "a.png", tmp_path / "c.png", "--model", "backlit")
    wanted = Image.open(tmp_path / "c.png").resize((40, 30), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), np.asarray(wanted))
    assert np.asarray(wanted).mean() > 1.5 * dark.mean()
