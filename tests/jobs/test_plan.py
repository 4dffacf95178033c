"""Unsound jobs are refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restore.jobs.plan import PlanError, make_plan
from tests.conftest import picture, save


def names(folder: Path, plan: object) -> set[str]:
    return {str(item.target.relative_to(folder)) for item in plan.items}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_the_tree_and_the_formats_are_kept(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "in"
    for name in (
        "a.png",
        "a.jpg",
        "sub/a.png",
        "sub/deeper still/ÄÖ ü.JPG",
        "one.gif",
        ".hidden.png",
        "notes.txt",
        ".x/y.png",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    plan = make_plan(source, out)
    assert names(out, plan) == {"a.png", "a.jpg", "sub/a.png", "sub/deeper still/ÄÖ ü.JPG", "one.png"}
    assert plan.ignored == 1


def test_own_half_written_files_are_never_taken(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/a.png", picture(4, 4))
    save(tmp_path / "in/.restore-abc.png", picture(4, 4))
    assert len(make_plan(tmp_path / "in", out).items) == 1


def test_a_single_picture(tmp_path: Path, out: Path) -> None:
    source = save(tmp_path / "a.jpg", picture(8, 8))
    assert make_plan(source, out / "b.png").items[0].target == out / "b.png"
    assert make_plan(source, out).items[0].target == out / "a.jpg"
    assert make_plan(source, out, ".webp").items[0].target == out / "a.webp"
    out.mkdir()
    assert make_plan(source, out).items[0].target == out / "a.jpg"


def test_dots_in_names_are_not_suffixes(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/2024.05.01 sea.jpg", picture(8, 8))
    assert names(out, make_plan(tmp_path / "in", out, ".png")) == {"2024.05.01 sea.png"}


@pytest.mark.parametrize(
    ("target", "format_", "says"), [("x.txt", None, "'.txt' cannot be written"), ("x.png", ".jpg", "contradict")]
)
def test_impossible_single_outputs(tmp_path: Path, target: str, format_: str | None, says: str) -> None:
    source = save(tmp_path / "a.jpg", picture(8, 8))
    with pytest.raises(PlanError, match=says):
        make_plan(source, tmp_path / target, format_)


def test_missing_and_empty(tmp_path: Path, out: Path) -> None:
    with pytest.raises(PlanError, match="no such file or folder"):
        make_plan(tmp_path / "none", out)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/readme.txt").write_text("x")
    with pytest.raises(PlanError, match="no pictures.*1 other file"):
        make_plan(tmp_path / "in", out)


@pytest.mark.parametrize("inside", ["in", "in/out", "in/sub/../out", "link"])
def test_output_in_or_at_the_input_is_refused(tmp_path: Path, inside: str) -> None:
    save(tmp_path / "in/sub/a.png", picture(4, 4))
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(PlanError, match="inside the input|is the input"):
        make_plan(tmp_path / "in", tmp_path / inside)


def test_an_input_inside_the_output_is_fine_unless_it_is_hit(tmp_path: Path) -> None:
    save(tmp_path / "all/in/a.png", picture(4, 4))
    assert len(make_plan(tmp_path / "all/in", tmp_path / "all").items) == 1


def test_output_folder_that_is_a_file(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(4, 4))
    (tmp_path / "out").write_text("x")
    with pytest.raises(PlanError, match="is a file"):
        make_plan(tmp_path / "in", tmp_path / "out")


def test_collisions_are_refused_and_named(tmp_path: Path, out: Path) -> None:
    for name in ("a.png", "a.jpg", "b.png", "b.webp"):
        save(tmp_path / "in" / name, picture(4, 4))
    with pytest.raises(PlanError, match=r"a\.jpg and .*a\.png would both be written to .*a\.png \(and 1 more"):
        make_plan(tmp_path / "in", out, ".png")


@pytest.mark.parametrize("how", ["same", "symlink", "hardlink"])
def test_an_original_is_never_the_output(tmp_path: Path, how: str) -> None:
    source = save(tmp_path / "a.png", picture(4, 4))
    target = tmp_path / "b.png"
    if how == "symlink":
        target.symlink_to(source)
    elif how == "hardlink":
        os.link(source, target)
    else:
        target = source
    with pytest.raises(PlanError, match="never overwritten"):
        make_plan(source, target, existing="overwrite")


def test_existing_outputs(tmp_path: Path, out: Path) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name, picture(4, 4))
    save(out / "a.png", picture(4, 4))
    with pytest.raises(PlanError, match=r"1 output exists already.*--overwrite.*--skip-existing"):
        make_plan(tmp_path / "in", out)
    assert len(make_plan(tmp_path / "in", out, existing="overwrite").items) == 2
    plan = make_plan(tmp_path / "in", out, existing="skip")
    assert names(out, plan) == {"b.png"}
    assert plan.skipped == 1
