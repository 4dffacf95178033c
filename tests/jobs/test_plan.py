"""Unsound jobs are refused before anything is written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from restore.jobs.naming import Naming, PlanError
from restore.jobs.plan import make_plan
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
    assert make_plan(source, out, Naming(suffix=".webp")).items[0].target == out / "a.webp"
    out.mkdir()
    assert make_plan(source, out).items[0].target == out / "a.jpg"


def test_dots_in_names_are_not_suffixes(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/2024.05.01 sea.jpg", picture(8, 8))
    assert names(out, make_plan(tmp_path / "in", out, Naming(suffix=".png"))) == {"2024.05.01 sea.png"}


@pytest.mark.parametrize(
    ("target", "format_", "says"), [("x.txt", None, "cannot write '.txt'"), ("x.png", ".jpg", "contradict")]
)
def test_impossible_single_outputs(tmp_path: Path, target: str, format_: str | None, says: str) -> None:
    source = save(tmp_path / "a.jpg", picture(8, 8))
    with pytest.raises(PlanError, match=says):
        make_plan(source, tmp_path / target, Naming(suffix=format_))


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
        make_plan(tmp_path / "in", out, Naming(suffix=".png"))


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
    with pytest.raises(PlanError, match=r"1 output already exists.*--overwrite.*--skip-existing"):
        make_plan(tmp_path / "in", out)
    assert len(make_plan(tmp_path / "in", out, existing="overwrite").items) == 2
    plan = make_plan(tmp_path / "in", out, existing="skip")
    assert names(out, plan) == {"b.png"}
    assert [item.source.name for item in plan.skipped] == ["a.png"]


def test_an_output_of_one_picture(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in.png", picture(4, 4))
    save(out / "a.png", picture(4, 4))
    with pytest.raises(PlanError, match=r"a\.png already exists: add --overwrite") as told:
        make_plan(tmp_path / "in.png", out / "a.png")
    assert "--resume" not in str(told.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path, out: Path) -> None:
    os.mkfifo(tmp_path / "in.png")
    with pytest.raises(PlanError, match=r"in\.png is a pipe"):
        make_plan(tmp_path / "in.png", out / "a.png")


def test_a_name_is_not_given_twice(tmp_path: Path) -> None:
    source = save(tmp_path / "a.jpg", picture(8, 8))
    with pytest.raises(PlanError, match="both name the result"):
        make_plan(source, tmp_path / "b.png", Naming("{stem}_x2"))


@pytest.mark.skipif(
    sys.platform in ("darwin", "win32"), reason="their file systems take the two for one: they cannot both be there"
)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A.png", "a.png"),
        ("é.png", "e\N{COMBINING ACUTE ACCENT}.png"),
        ("Straße.png", "strasse.png"),
        ("X/a.png", "x/a.png"),
    ],
)
def test_names_that_some_file_systems_take_for_one_are_refused(
    tmp_path: Path, out: Path, first: str, second: str
) -> None:
    save(tmp_path / "in" / first, picture(4, 4))
    save(tmp_path / "in" / second, picture(4, 4))
    with pytest.raises(PlanError, match="differ only in case or in how accents are stored"):
        make_plan(tmp_path / "in", out)


def test_a_result_cannot_be_anothers_folder(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/a.gif", picture(4, 4))
    save(tmp_path / "in/a.png/b.png", picture(4, 4))
    with pytest.raises(PlanError, match=r"a\.gif would be written to .*a\.png, which is the folder for .*b\.png"):
        make_plan(tmp_path / "in", out)


def test_a_link_in_the_output_back_to_the_originals_is_refused(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/sub/a.gif", picture(4, 4))
    out.mkdir()
    (out / "sub").symlink_to(tmp_path / "in/sub")
    with pytest.raises(PlanError, match="inside the input folder"):
        make_plan(tmp_path / "in", out)


def test_linked_files_are_followed_and_linked_folders_are_not(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "elsewhere/a.png", picture(4, 4))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file.png").symlink_to(tmp_path / "elsewhere/a.png")
    (tmp_path / "in/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert names(out, make_plan(tmp_path / "in", out)) == {"file.png"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_no_picture(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/a.png", picture(4, 4))
    os.mkfifo(tmp_path / "in/pipe.png")
    plan = make_plan(tmp_path / "in", out)
    assert names(out, plan) == {"a.png"}
    assert plan.ignored == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no line breaks and no backslashes in a name")
def test_odd_names_are_kept(tmp_path: Path, out: Path) -> None:
    odd = {"-rf.png", "two\nlines.png", "  spaces  .png", "日本/写真.png", "100%{stem}.png", "a\\b.png"}
    for name in odd:
        save(tmp_path / "in" / name, picture(4, 4))
    raw = os.fsdecode(b"not text \xff.png")
    save(tmp_path / "in" / raw, picture(4, 4))
    assert names(out, make_plan(tmp_path / "in", out)) == {*odd, raw}


@pytest.mark.usefixtures("locked_folders")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, out: Path) -> None:
    save(tmp_path / "in/a.png", picture(4, 4))
    save(tmp_path / "in/locked/b.png", picture(4, 4))
    plan = make_plan(tmp_path / "in", out)
    assert names(out, plan) == {"a.png"}
    assert [(u.folder.name, u.reason) for u in plan.unreadable] == [("locked", "Permission denied")]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_part_the_plan_whatever_is_written_meanwhile(tmp_path: Path, out: Path, count: int) -> None:
    for i in range(5):
        save(tmp_path / "in" / f"{i}.png", picture(4, 4))
    whole = [item.source for item in make_plan(tmp_path / "in", out).items]
    parts = []
    for index in range(1, count + 1):
        plan = make_plan(tmp_path / "in", out, shard=(index, count))
        parts.append([item.source for item in plan.items])
        for item in plan.items:
            save(item.target, picture(4, 4))
    assert sorted(p for part in parts for p in part) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_file_that_cannot_be_reached_does_not_stop_the_plan(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a link into another user's home, whose ``stat`` is forbidden; it is told when its turn comes."""
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name, picture(8, 8))
    exists, stat = Path.exists, Path.stat

    def guarded(path: Path, **options: bool) -> os.stat_result:
        if path.name == "a.png" and path.parent.name == "in":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "is_file", lambda path: path.suffix == ".png" and path.parent.name == "in")
    monkeypatch.setattr(
        Path, "exists", lambda path: exists(path) if path.name != "a.png" else guarded(path) is not None
    )
    monkeypatch.setattr(Path, "stat", guarded)
    assert names(out, make_plan(tmp_path / "in", out)) == {"a.png", "b.png"}


def test_several_inputs_share_an_output_folder(tmp_path: Path, out: Path) -> None:
    for name in ("one/a.png", "one/sub/b.jpg", "two/a.png", "c.webp"):
        save(tmp_path / name, picture(8, 8))
    plan = make_plan([tmp_path / "one", tmp_path / "c.webp", tmp_path / "two", tmp_path / "c.webp"], out)
    assert [item.target.relative_to(out).as_posix() for item in plan.items] == [
        *("one/a.png", "one/sub/b.jpg", "c.webp", "two/a.png")
    ]
    assert [item.target_name for item in plan.items] == [item.source_name for item in plan.items]
    assert plan.folder == out
    assert sum(len(make_plan([tmp_path / "one", tmp_path / "two"], out, shard=(i, 2)).items) for i in (1, 2)) == 3


def test_the_current_folder_has_a_name_too(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "here/a.png", picture(8, 8))
    save(tmp_path / "b.png", picture(8, 8))
    monkeypatch.chdir(tmp_path / "here")
    assert names(out, make_plan([Path(), Path("../b.png")], out)) == {"here/a.png", "b.png"}


def test_several_inputs_need_a_folder_and_different_names(tmp_path: Path, out: Path) -> None:
    one, other = save(tmp_path / "one/a.png", picture(8, 8)), save(tmp_path / "other/a.png", picture(8, 8))
    with pytest.raises(PlanError, match="would both be written to"):
        make_plan([one, other], out)
    with pytest.raises(PlanError, match="is the name of a picture, but there are 2 inputs"):
        make_plan([one, tmp_path / "other"], tmp_path / "b.png")
    with pytest.raises(PlanError, match="no such file or folder"):
        make_plan([one, tmp_path / "none.png"], out)
    with pytest.raises(PlanError, match="is inside the input folder"):
        make_plan([one, tmp_path / "other"], tmp_path / "other" / "out")


def test_a_folder_is_not_written_to_the_name_of_a_picture(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(8, 8))
    with pytest.raises(PlanError, match="x.jpg is the name of a picture, but the input is a folder"):
        make_plan(tmp_path / "in", tmp_path / "x.jpg")
    (tmp_path / "x.jpg").mkdir()
    assert len(make_plan(tmp_path / "in", tmp_path / "x.jpg").items) == 1, "it is a folder"
