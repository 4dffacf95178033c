"""Which pictures go together: by tables of names."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from restore.compare.pairing import Match, pair
from restore.jobs.naming import Naming, PlanError


def touch(folder: Path, names: str | list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names.split() if isinstance(names, str) else names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def found(tmp_path: Path, ours: str, theirs: str, template: str | None = None) -> dict[str, str | None]:
    """Partners by the names of the originals; what is left over of the others under its own name, as '+'."""
    before, after = touch(tmp_path / "before", ours), touch(tmp_path / "after", theirs)
    matches = pair([before, after], template).matches
    return {
        m.name: "+" if m.files[0] is None else m.files[1] and m.files[1].relative_to(after).as_posix() for m in matches
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("a.jpg b.png", "b.png a.jpg", {"a.jpg": "a.jpg", "b.png": "b.png"}),
        ("a.heic", "a.png", {"a.heic": "a.png"}),
        ("A.JPG", "A.jpg", {"A.JPG": "A.jpg"}),
        # Two of one stem: only the same name is sure.
        ("p.jpg p.png", "p.png p.jpg", {"p.jpg": "p.jpg", "p.png": "p.png"}),
        ("p.jpg p.png", "p.png", {"p.jpg": None, "p.png": "p.png"}),
        ("p.jpg p.png x.jpg", "p.webp x.jpg", {"p.jpg": None, "p.png": None, "p.webp": "+", "x.jpg": "x.jpg"}),
        ("p.tif x.jpg", "p.png p.jpg x.jpg", {"p.tif": None, "p.png": "+", "p.jpg": "+", "x.jpg": "x.jpg"}),
        # As --name of a job gives names.
        ("p.jpg p.png", "p-jpg.png p-png.png", {"p.jpg": "p-jpg.png", "p.png": "p-png.png"}),
        ("p.jpg p.png", "p.jpg.png p.png.png", {"p.jpg": "p.jpg.png", "p.png": "p.png.png"}),
        ("a.jpg a-b.jpg", "a-x4.jpg a-b-x4.jpg", {"a.jpg": "a-x4.jpg", "a-b.jpg": "a-b-x4.jpg"}),
        ("a.jpg a1.jpg", "a1-x2.jpg a-x2.jpg", {"a.jpg": "a-x2.jpg", "a1.jpg": "a1-x2.jpg"}),
        ("p.jpg p.png", "p-jpg-x2.webp p-png-x2.webp", {"p.jpg": "p-jpg-x2.webp", "p.png": "p-png-x2.webp"}),
        ("a.jpg b.jpg", "a-1.jpg a-2.jpg b.jpg", {"a.jpg": None, "a-1.jpg": "+", "a-2.jpg": "+", "b.jpg": "b.jpg"}),
        # What was degraded is called longer than what it came from.
        ("a_LR.png b_LR.png", "a.png b.png", {"a_LR.png": "a.png", "b_LR.png": "b.png"}),
        # The tree counts, and no other file.
        ("x/a.jpg y/a.jpg", "x/a.png y/a.png", {"x/a.jpg": "x/a.png", "y/a.jpg": "y/a.png"}),
        ("x/a.jpg b.jpg", "a.jpg b.jpg notes.txt", {"x/a.jpg": None, "a.jpg": "+", "b.jpg": "b.jpg"}),
    ],
)
def test_by_the_usual_ways(tmp_path: Path, ours: str, theirs: str, expected: dict[str, str | None]) -> None:
    assert found(tmp_path, ours, theirs) == expected


def test_by_a_template(tmp_path: Path) -> None:
    got = found(tmp_path, "a.jpg b.jpg b.png", "x4-a-jpg.png x4-b-jpg.png x4-b-png.png b-1.jpg", "x4-{stem}-{ext}")
    assert got == {"a.jpg": "x4-a-jpg.png", "b.jpg": "x4-b-jpg.png", "b.png": "x4-b-png.png", "b-1.jpg": "+"}


def test_by_templates_of_both_sides(tmp_path: Path) -> None:
    """DIV2K's low resolution beside results that are called after the high one."""
    before, after = (
        touch(tmp_path / "in", ["0001x4.png", "0002x4.png"]),
        touch(tmp_path / "out", ["0001.png", "0002.png"]),
    )
    with pytest.raises(PlanError, match="describe how they were named"):
        pair([before, after])
    matches = pair([before, after], "{stem}x4={stem}").matches
    assert [[file and file.name for file in match.files] for match in matches] == [
        ["0001x4.png", "0001.png"],
        ["0002x4.png", "0002.png"],
    ]
    with pytest.raises(PlanError, match="--name '{stem}x4={stem}/a': each side needs"):
        pair([before, after], "{stem}x4={stem}/a")


@pytest.mark.parametrize("template", ["{stem}", "{stem}-{ext}", "{stem}-x4", "{stem}.{ext}", "{stem}_sr"])
def test_names_that_a_job_gives_are_found(tmp_path: Path, template: str) -> None:
    ours = ["a.jpg", "a-1.jpg", "a.b.png", "ä ö.tif", "x/a.jpg", "deep/er/p.heic", "c.gif"]
    naming = Naming(template)
    theirs = {name: (Path(name).parent / naming.result(Path(name))).as_posix() for name in ours}
    before, after = touch(tmp_path / "in", ours), touch(tmp_path / "out", list(theirs.values()))
    for asked in (None, template):
        matches = pair([before, after], asked).matches
        assert {m.name: m.files[1] and m.files[1].relative_to(after).as_posix() for m in matches} == theirs
        assert not any(m.problems for m in matches)


def test_accents_may_be_stored_otherwise(tmp_path: Path) -> None:
    one, other = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    before, after = touch(tmp_path / "in", [one]), touch(tmp_path / "out", [other])
    assert pair([before, after]).matches[0].files == (before / one, after / other)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    before = touch(tmp_path / "in", "a.jpg b.jpg c.jpg c.png")
    after, more = touch(tmp_path / "out", "a.jpg d.jpg c.webp"), touch(tmp_path / "more", "a.jpg b.jpg")
    reference = touch(tmp_path / "ref", "a.jpg unused.jpg")
    by_name = {m.name: m for m in pair([before, after, more], None, reference).matches}
    assert by_name["a.jpg"] == Match("a.jpg", tuple(f / "a.jpg" for f in (before, after, more, reference)))
    assert by_name["b.jpg"].files == (before / "b.jpg", None, more / "b.jpg", None)
    assert by_name["b.jpg"].problems == (f"no match in {after}", f"no match in {reference}")
    assert "c.webp" in by_name["c.jpg"].problems[0] or "c.jpg and c.png" in by_name["c.jpg"].problems[0]
    assert "give the naming rule with --name" in by_name["c.jpg"].problems[0]
    assert by_name["d.jpg"].files == (None, after / "d.jpg", None, None)
    assert by_name["d.jpg"].problems == (f"no match in {before}",)
    assert "unused.jpg" not in by_name


def test_single_pictures_go_together_whatever_their_names(tmp_path: Path) -> None:
    folder = touch(tmp_path, "a.jpg b.png c.tif")
    paths = [folder / "a.jpg", folder / "b.png"]
    assert pair(paths, None, folder / "c.tif").matches == [Match("a.jpg", (*paths, folder / "c.tif"))]


@pytest.mark.parametrize(
    ("sources", "template", "says"),
    [
        (["in", "nowhere"], None, "nowhere: no such file or folder"),
        (["in", "in/a.jpg"], None, "folders and single pictures are mixed"),
        (["in", "other"], None, r"no picture in .*other has a name that matches one in .*in .*a\.jpg"),
        (["empty", "in"], None, "empty: no pictures in this folder"),
        (["in", "in"], "{stem}-{model}", "replace {model} by its value"),
        (["in", "in"], "{nonsense}", "unknown field {nonsense}"),
    ],
)
def test_wrong_use(tmp_path: Path, sources: list[str], template: str | None, says: str) -> None:
    touch(tmp_path / "in", "a.jpg"), touch(tmp_path / "other", "z.jpg"), touch(tmp_path / "empty", "")
    with pytest.raises(PlanError, match=says):
        pair([tmp_path / source for source in sources], template)


def test_a_large_folder_takes_no_time(tmp_path: Path) -> None:
    """Every step looks names up: none compares each with each."""
    import time

    names = [f"picture-{i // 7}-{i}.jpg" for i in range(3000)]
    before, after = touch(tmp_path / "in", names), touch(tmp_path / "out", [f"{n[:-4]}-x4.png" for n in names])
    began = time.perf_counter()
    matches = pair([before, after]).matches
    assert time.perf_counter() - began < 5
    assert all(m.files[1] and m.files[1].name == f"{m.name[:-4]}-x4.png" for m in matches)
