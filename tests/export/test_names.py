"""What a file of others is called, and says, leads nowhere: not out of a folder, not into the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result
from torch import nn

from restore.cli.main import main
from restore.errors import ModelError
from restore.export.load_source import load_source, make_spec
from restore.spec import METADATA_KEY, ModelSpec
from restore.training.checkpoint import Checkpoint
from restore.training.recipe import Recipe
from tests.conftest import picture, save
from tests.export.published import build
from tests.export.published import save as save_weights
from tests.export.test_precision_and_shape import checkpoint
from tests.verify.test_verify import SPEC, graph, write


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def saying(path: Path, **facts: object) -> Path:
    """A file whose metadata says what no spec of ours would."""
    model = graph()
    value = json.dumps({**SPEC.model_dump(), **facts})
    onnx.helper.set_model_props(model, {METADATA_KEY: value})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/../../../evil"])
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_no_twin_is_written_outside_its_folder(name: str, precision: str, tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.png", picture(80, 90))
    file = saying(tmp_path / "m.onnx", name=name)
    target = tmp_path / "deep" / "er" / "models"
    given = ["--calibrate", tmp_path / "photos", "--check", tmp_path / "photos"] if precision == "int8" else []
    result = run("export", file, target, "--precision", precision, *given)
    assert result.exit_code == 2
    assert "'name'" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "photos"]


@pytest.mark.parametrize("name", ["../evil", "x.int8", "con"])
def test_no_name_that_is_given_leads_out(name: str, tmp_path: Path) -> None:
    ours = checkpoint(tmp_path / "c.safetensors")
    theirs = save_weights(build("compact"), tmp_path / "t.pth")
    for file in (ours, theirs):
        result = run("export", file, tmp_path / "out", "--name", name)
        assert result.exit_code == 2
        assert f"--name {name!r}" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.safetensors", "t.pth"]


def test_a_published_file_of_any_name_has_a_name_that_can_be_had(tmp_path: Path) -> None:
    file = save_weights(build("compact"), tmp_path / "4x (final).pth")
    assert load_source(file).spec.name == "4x-final"


def test_a_recipe_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import restore.export.load_source as module

    def odd(recipe: Recipe, network: nn.Module, checkpoint: Checkpoint, name: str | None) -> ModelSpec:
        return make_spec(recipe.model_copy(update={"name": "con"}), network, checkpoint, name)

    monkeypatch.setattr(module, "make_spec", odd)
    with pytest.raises(ModelError, match=r"c.safetensors: its recipe cannot be written as metadata: 'name': 'con'"):
        load_source(checkpoint(tmp_path / "c.safetensors"))
    assert load_source(tmp_path / "c.safetensors", name="mine").spec.name == "mine"


@pytest.mark.parametrize("command", ["enhance", "verify", "models"])
def test_what_a_file_says_is_not_obeyed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    (tmp_path / "m").mkdir()
    file = saying(tmp_path / "m" / "m.onnx", licence="\x1b]0;owned\x07 free")
    save(tmp_path / "a.png", picture(20, 30))
    given = {"enhance": [tmp_path / "a.png", tmp_path / "b.png", "--model", file], "verify": [file], "models": []}
    result = run(command, *given[command])
    assert "'licence'" in result.output
    assert "\x1b" not in result.output
    assert result.exit_code == (0 if command == "models" else 2)


def test_names_in_a_graph_are_not_obeyed(tmp_path: Path) -> None:
    model = graph()
    model.graph.node[1].domain = "\x1b[2J"
    write(tmp_path / "m.onnx", model)
    result = run("verify", tmp_path / "m.onnx")
    assert result.exit_code == 2, "onnxruntime does not know the operator"
    assert "\x1b" not in result.output
    model = graph(size=(1, 3, 40, 32))
    model.graph.input[0].name = model.graph.node[0].input[0] = "\x1b[2J"
    write(tmp_path / "m.onnx", model)
    result = run("verify", tmp_path / "m.onnx")
    assert result.exit_code == 1
    assert "\\x1b[2J" in result.output
    assert "\x1b" not in result.output
