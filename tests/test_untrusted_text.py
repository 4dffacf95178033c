"""Text in files of strangers: not UTF-8, nested without end, or made for a spreadsheet."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import ModelError, RecipeError
from restore.jobs.journal import Journal
from restore.jobs.last_backend import last_backend
from restore.jobs.naming import PlanError
from restore.jobs.outcome import Outcome
from restore.jobs.plan import Item
from restore.jobs.report import record, write_report
from restore.runtime.model import file_spec
from restore.training.recipe_file import parse_recipe
from restore.utils.csv_cells import csv_text
from restore.utils.json_text import parse_json
from restore.zoo.backend_cache import _read
from restore.zoo.find import find
from tests.conftest import picture, save
from tests.endless import endless_model

DEEP = "[" * 200_000
NOT_TEXT = b"\xff\xfe\x80"


def broken_model(path: Path, good: bytes, bad: bytes) -> Path:
    """A model in which bytes of a name or of the metadata were replaced by others, equally many."""
    data = endless_model(path).read_bytes()
    assert good in data
    assert len(good) == len(bad)
    path.write_bytes(data.replace(good, bad))
    return path


@pytest.mark.parametrize(
    ("good", "bad"), [(b"endless", b"end\xff\xfe\x80s"), (b"input", b"in\xff\xfet"), (b'"halo"', b'"ha\xc3("')]
)
def test_a_model_whose_text_is_not_utf8_is_an_error_that_names_it(tmp_path: Path, good: bytes, bad: bytes) -> None:
    path = broken_model(tmp_path / "m.onnx", good, bad)
    with pytest.raises(ModelError, match=r"m\.onnx: its names or metadata are not UTF-8"):
        file_spec(path)


def test_metadata_that_nest_without_end_are_an_error(tmp_path: Path) -> None:
    import onnx

    path = endless_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.metadata_props[0].value = '{"name":' + DEEP
    onnx.save(model, path)
    with pytest.raises(ModelError, match="metadata cannot be read"):
        file_spec(path)


def test_one_bad_file_does_not_hide_the_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless_model(tmp_path / "good/good.onnx", "good")
    broken_model(tmp_path / "bad/bad.onnx", b"endless", b"end\xff\xfe\x80s")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/empty.onnx").write_bytes(b"")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone/gone.onnx").symlink_to("nowhere")
    (tmp_path / "folder/folder.onnx").mkdir(parents=True)
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    result = CliRunner().invoke(main, ["models", "--json"])
    assert result.exit_code == 0
    names = {one["name"] for one in json.loads(result.stdout)}
    assert {"good", "sr-x2"} <= names
    for name in ("bad", "empty", "gone", "folder"):
        assert f"{name}.onnx" in result.stderr


def test_journals_of_strangers_are_refused_or_skipped_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / ".restore-journal.jsonl"
    for first in (DEEP.encode(), NOT_TEXT):
        path.write_bytes(first + b"\n")
        with pytest.raises(PlanError, match="is not one"):
            Journal(tmp_path, "key")
    path.write_bytes(b'{"restore-journal": 1}\n')
    with Journal(tmp_path, "key") as journal:
        journal.append("a", "b", "c", b"d")
    bad = [b'{"backend":' + DEEP.encode(), b'{"source":' + DEEP.encode(), b'{"source": "' + NOT_TEXT + b'"}']
    path.write_bytes(path.read_bytes() + b"\n".join(bad) + b"\n")
    with Journal(tmp_path, "key") as journal:
        assert journal.index.knows("c")
    assert last_backend(tmp_path, "model") is None


def test_a_cache_that_nests_without_end_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(DEEP)
    assert _read(tmp_path / "x.json", {}) is None


@pytest.mark.parametrize("text", [DEEP, "a: " + DEEP, "{a: " * 20_000, "train: 2001-99-99"])
def test_recipes_that_break_the_parser_are_errors_that_name_them(text: str) -> None:
    with pytest.raises(RecipeError, match="mine: not"):
        parse_recipe(text, "mine")
    with pytest.raises(RecipeError, match="--set"):
        parse_recipe("network: {kind: plain}", "mine", [f"train.steps={text.removeprefix('train: ')}"])


def test_a_recipe_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    from restore.training.recipe_file import load_recipe

    (tmp_path / "r.yaml").write_bytes(b"network: " + NOT_TEXT)
    with pytest.raises(RecipeError, match=r"r\.yaml: cannot read the recipe"):
        load_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(("text", "says"), [(DEEP, "nested too deeply"), (NOT_TEXT, "can't decode byte")])
def test_json_has_one_kind_of_fault(text: str | bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain é 写 👨‍👩‍👧.png", "plain é 写 👨‍👩‍👧.png"),
        ("=cmd|' /C calc'!A0.png", "'=cmd|' /C calc'!A0.png"),
        ("+1.png", "'+1.png"),
        ("-1.png", "'-1.png"),
        ("@SUM(A1).png", "'@SUM(A1).png"),
        ("\t=1.png", r"\t=1.png"),
        ("\r=1.png", r"\r=1.png"),
        ("a\nb\x1b[31m\x00\x9b\udcff", r"a\nb\x1b[31m\x00\x9b\udcff"),
    ],
)
def test_cells_are_neither_formulas_nor_control_characters(text: str, cell: str) -> None:
    assert csv_text(text) == cell


def test_reports_escape_what_names_contain(tmp_path: Path) -> None:
    from rich.console import Console

    item = Item(Path("=1+1.png"), Path("@a\x1b\n.png"), "s", "t")
    pictures = [record(Outcome(item, "failed", "=HYPERLINK(1)", "-note"))]
    write_report(tmp_path / "r.csv", pictures, {}, Console())
    (row,) = csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text()))
    assert (row["source"], row["target"]) == ("'=1+1.png", r"'@a\x1b\n.png")
    assert (row["error"], row["note"]) == ("'=HYPERLINK(1)", "'-note")
    write_report(tmp_path / "r.json", pictures, {}, Console())
    assert json.loads((tmp_path / "r.json").read_text())["pictures"] == pictures, "JSON needs no escapes"


def test_an_empty_model_is_no_default(tmp_path: Path) -> None:
    source = save(tmp_path / "in/a.png", picture(40, 40)).parent
    result = CliRunner().invoke(main, ["enhance", str(source), str(tmp_path / "out"), "--model", ""])
    assert result.exit_code == 2
    assert "the name of the model is empty" in result.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match="is empty"):
        find("")


def test_an_error_of_the_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system's error for a full disk has no file name."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = save(tmp_path / "in/a.png", picture(40, 40)).parent
    monkeypatch.setattr(os, "fsync", full)
    result = CliRunner().invoke(main, ["degrade", str(source), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert f"restore: {tmp_path / 'out'}" in result.stderr
    assert result.stderr.endswith("a.png: No space left on device\n")
    with pytest.raises(OSError, match=r"journal\.jsonl"), Journal(tmp_path, "key"):
        pass
