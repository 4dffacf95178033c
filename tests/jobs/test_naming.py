"""Names of results: what a template gives, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restore.jobs.naming import Naming, PlanError


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{stem}", "2024.05 sea.jpg"),
        ("{stem}.{ext}", "2024.05 sea.jpg"),
        ("{stem}_x{scale}", "2024.05 sea_x4.jpg"),
        ("{model}-{stem}.{ext}", "sr-x4-2024.05 sea.jpg"),
        ("{stem}-{ext}", "2024.05 sea-jpg.jpg"),
        ("{{{stem}}}", "{2024.05 sea}.jpg"),
        ("-{stem}", "-2024.05 sea.jpg"),
    ],
)
def test_templates(template: str, result: str) -> None:
    assert Naming(template, model="sr-x4", scale=4).result(Path("in/2024.05 sea.jpg")) == result


def test_the_format_gives_the_ending_and_ext_stays_the_sources() -> None:
    naming = Naming("{stem}-{ext}.{ext}", ".png")
    assert naming.result(Path("a.jpg")) == "a-jpg.png"
    assert naming.result(Path("a.gif")) == "a-gif.png"
    assert Naming().result(Path("a.heic")) == "a.png"
    assert Naming().result(Path("a.JFIF")) == "a.JFIF"
    assert Naming().result(Path("a.jpg_large")) == "a.jpg"


def test_names_without_a_suffix_get_that_of_the_content(tmp_path: Path) -> None:
    for name, beginning, result in (
        ("IMG_1", b"\xff\xd8\xff\xe0", "IMG_1.jpg"),
        ("IMG_2", b"\x89PNG\r\n\x1a\n", "IMG_2.png"),
        ("IMG_3", b"GIF89a", "IMG_3.png"),
        ("IMG_4", b"II*\0", "IMG_4.tif"),
    ):
        (tmp_path / name).write_bytes(beginning)
        assert Naming().result(tmp_path / name) == result
    assert Naming().result(tmp_path / "missing") == "missing.png"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{name}", "unknown field {name}; known fields are {stem} {ext} {model} {scale}"),
        ("{}", "unknown field {}"),
        ("{stem!r}", "unknown field {stem!r}"),
        ("{stem:>9}", "unknown field {stem:>9}"),
        ("{stem.parent}", "unknown field {stem.parent}"),
        ("{stem", "write a literal brace as {{"),
        ("sub/{stem}", "cannot contain a path separator"),
        ("sub\\{stem}", "cannot contain a path separator"),
        ("../{stem}", "cannot contain a path separator"),
        ("", "add {stem}"),
        (".{ext}", "add {stem}"),
        ("..", "add {stem}"),
        (" ", "add {stem}"),
        (".restore-{stem}", "reserved for restore's temporary files"),
        ("{stem}" + "x" * 260, "shorten --name"),
    ],
)
def test_unsound_templates_are_refused(template: str, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        Naming(template).result(Path("in/a.png"))
    assert says in str(caught.value)


def test_a_models_name_cannot_lead_elsewhere() -> None:
    with pytest.raises(PlanError, match="path separator"):
        Naming("{model}", model="../x").result(Path("a.png"))


def test_the_length_is_counted_in_bytes() -> None:
    assert Naming().result(Path("é" * 125 + ".png"))
    with pytest.raises(PlanError, match="260 bytes"):
        Naming().result(Path("é" * 128 + ".png"))


@given(st.text(), st.text(min_size=1, alphabet=st.characters(exclude_characters="/\0")))
def test_whatever_the_template_the_result_stays_in_its_folder(template: str, stem: str) -> None:
    source = Path(stem + ".png")
    try:
        name = Naming(template).result(source)
    except PlanError:
        return
    assert Path("folder", name).parent == Path("folder")
    assert Path(name).name == name
    assert name.endswith(".png")
