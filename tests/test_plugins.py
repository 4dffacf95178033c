"""Code that a recipe names runs with the user's consent alone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import PluginError, RecipeError
from restore.export.load_source import load_source
from restore.losses.registry import LOSSES
from restore.plugins import Trust, code_of, import_plugin
from restore.training.recipe_file import load_recipe, parse_recipe
from tests.conftest import picture, save

ROOT = Path(__file__).resolve().parents[1]

# Importing it leaves a file behind, as calling its factory does.
PLUGIN = """\
from pathlib import Path
from typing import Literal

from torch import nn

from restore.losses.pixel import PixelOptions
from restore.losses.registry import LOSSES

Path("imported").touch()


@LOSSES.register
class TwiceOptions(PixelOptions):
    kind: Literal["{kind}"] = "{kind}"

    def build(self, *context):
        return PixelOptions(kind="l1").build(*context)


def edges():
    Path("called").touch()
    return nn.Conv2d(3, 4, 3)
"""
RECIPE = """\
name: test
scale: 2
network: {kind: plain, width: 16, depth: 1}
data: {train: [photos], patch: 12, holdout: 1}
validation: {every: 2, crop: 32}
train: {steps: 2, batch: 2, save_every: 2, precision: fp32}
"""
CALLING = """\
losses:
  - kind: perceptual
    encoder: {kind: module, factory: "FACTORY", channels: [4]}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module in the current folder, new in each test."""
    name = f"plugin_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(PLUGIN.replace("{kind}", name))
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        save(tmp_path / "photos" / f"{i}.png", picture(40, 50, seed=i))
    (tmp_path / "named.yaml").write_text(f"{RECIPE}losses: [{{kind: {name}}}]\nplugins: [{name}]\n")
    (tmp_path / "unnamed.yaml").write_text(f"{RECIPE}losses: [{{kind: {name}}}]\n")
    (tmp_path / "calling.yaml").write_text(RECIPE + CALLING.replace("FACTORY", f"{name}:edges"))
    yield name
    sys.modules.pop(name, None)
    LOSSES._members.pop(name, None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def train(*arguments: str) -> Result:
    return run(
        "train", *arguments, "--data", ".", "--out", "run", "--device", "cpu", "--threads", "1", "--workers", "0"
    )


def forget(name: str) -> None:
    """As in a new process."""
    sys.modules.pop(name, None)
    LOSSES._members.pop(name, None)
    Path("imported").unlink()


def refused(result: Result, module: str) -> None:
    assert result.exit_code == 2, result.output
    assert f"--plugin {module}, or --trust-recipe" in result.output
    assert not Path("imported").exists()
    assert module not in sys.modules


def test_a_plug_in_that_a_recipe_names_is_refused_before_it_is_imported(module: str) -> None:
    result = train("named.yaml")
    refused(result, module)
    assert f"named.yaml: this recipe would import {module}," in result.output
    refused(train("named.yaml", "--plugin", "json"), module)
    with pytest.raises(PluginError, match=f"import {module}"):
        load_recipe(Path("named.yaml"))
    assert not Path("imported").exists()


def test_a_factory_that_a_recipe_names_is_refused_before_it_is_called(module: str) -> None:
    result = train("calling.yaml")
    refused(result, module)
    assert f"call {module}:edges" in result.output
    with pytest.raises(PluginError, match=f"call {module}:edges"):
        parse_recipe(Path("calling.yaml").read_text(), "r", trust=Trust(plugins=("json",)))
    assert not Path("imported").exists()


def test_a_change_may_take_the_code_away(module: str) -> None:
    assert parse_recipe(Path("named.yaml").read_text(), "r", ["plugins=[]", "losses=[{kind: l1}]"]).plugins == []
    with pytest.raises(PluginError, match=module):
        parse_recipe(RECIPE, "r", [f"plugins=[{module}]"])
    assert not Path("imported").exists()


@pytest.mark.parametrize("flag", ["--plugin", "--trust-recipe"])
def test_a_run_with_a_plug_in_its_resumption_and_its_export(flag: str, module: str) -> None:
    trust = ["--plugin", module] if flag == "--plugin" else ["--trust-recipe"]
    assert train("named.yaml", *trust).exit_code == 0
    assert Path("imported").exists()
    forget(module)
    refused(train("--resume", "--set", "train.steps=4"), module)
    result = train("--resume", "--set", "train.steps=4", *trust)
    assert result.exit_code == 0, result.output
    forget(module)
    for source in ("run", "run/last.safetensors"):
        refused(run("export", source, "x.onnx"), module)
    with pytest.raises(PluginError, match=module):
        load_source(Path("run"))
    assert not Path("x.onnx").exists()
    assert load_source(Path("run"), trust=Trust((module,))).spec.name == "test"
    result = run("export", "run", "x.onnx", *trust)
    assert result.exit_code == 0, result.output
    assert Path("x.onnx").exists()


def test_a_run_records_the_plug_ins_of_the_command_line(module: str) -> None:
    assert train("unnamed.yaml").exit_code == 2
    result = train("unnamed.yaml", "--plugin", module)
    assert result.exit_code == 0, result.output
    assert f"plugins:\n- {module}\n" in Path("run/recipe.yaml").read_text()
    forget(module)
    refused(run("export", "run", "x.onnx"), module)


@pytest.mark.parametrize("flag", ["--plugin", "--trust-recipe"])
def test_a_trusted_factory_is_called(flag: str, module: str) -> None:
    result = train("calling.yaml", *(["--plugin", module] if flag == "--plugin" else ["--trust-recipe"]))
    assert result.exit_code == 0, result.output
    assert Path("called").exists()
    assert "plugins: []" in Path("run/recipe.yaml").read_text(), "it is no plug-in for that"


def test_code_is_found_wherever_it_stands() -> None:
    nested = {"a": [{"b": ({}, 1)}, {"encoder": {"kind": "module", "factory": "one:f"}}], "c": {"factory": "two:g"}}
    nested["c"]["again"] = nested  # as YAML's aliases allow
    assert set(code_of(nested).factories) == {"one:f", "two:g"}
    assert code_of({"plugins": ["b", "a", "b", 3], "x": {"kind": "other", "factory": "d:e"}}).modules() == ("b", "a")
    assert code_of({"plugins": "a"}).modules() == ()


def test_plug_ins_are_names_of_modules() -> None:
    for wrong in ("plugins: [../evil.py]", "plugins: [.evil]", "plugins: [3]", "plugins: evil"):
        with pytest.raises(RecipeError, match=r"r, line 7: 'plugins"):
            parse_recipe(RECIPE + wrong, "r", trust=Trust(recipe=True))
    for wrong in ("evil.py/..", ".evil", "evil\n", "e vil", ""):
        with pytest.raises(PluginError, match="not a module name"):
            import_plugin(wrong)


def test_the_default_leaves_digests_alone() -> None:
    recipe = parse_recipe(RECIPE, "r")
    assert recipe.plugins == []
    assert recipe.digest() == parse_recipe(f"{RECIPE}plugins: []\n", "r").digest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no module 'broken_plugin', neither installed nor in "),
        (
            "import no_such_module_at_all\n",
            "fails on import: ModuleNotFoundError: No module named 'no_such_module_at_all'",
        ),
        ("raise ValueError('nonsense')\n", "fails on import: ValueError: nonsense"),
        ("raise SystemExit(0)\n", "fails on import: SystemExit: 0"),
        ("def\n", "fails on import: SyntaxError"),
    ],
)
def test_a_plug_in_that_cannot_be_imported(
    text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("broken_plugin.py").write_text(text)
    before = list(sys.path)
    result = run("evaluate", "--list", "--plugin", "broken_plugin")
    assert result.exit_code == 2
    assert "restore: plug-in broken_plugin" in result.output
    assert message in result.output
    assert sys.path == before


def test_a_file_of_the_current_folder_does_not_replace_an_installed_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("yaml.py").write_text("raise SystemExit\n")
    monkeypatch.delitem(sys.modules, "yaml")
    assert import_plugin("yaml").__file__ != str(tmp_path / "yaml.py")


def test_lists_and_the_schema_have_what_a_plug_in_adds(module: str) -> None:
    Path("look_plugin.py").write_text(
        "from dataclasses import replace\n"
        "from restore.data.filters.library import FILTERS\nfrom restore.metrics.registry import METRICS\n"
        "FILTERS.register(replace(FILTERS['moon'], name='new-moon'))\n"
        "METRICS.register(replace(METRICS['psnr'], name='new-psnr'))\n"
    )
    assert "new-moon" in run("filter", "--list", "--plugin", "look_plugin").output.split()
    assert "new-psnr" in run("evaluate", "--plugin", "look_plugin", "--list").output.split()
    assert module not in run("recipes", "--schema").output
    assert f'"{module}"' in run("recipes", "--schema", "--plugin", module).output
    assert run("recipes", "--plugin", module).exit_code == 2


def test_completion_offers_modules_of_the_folder_and_imports_none(module: str) -> None:
    Path("package").mkdir()
    Path("package/__init__.py").touch()
    for command in ("train", "export", "degrade", "filter", "evaluate", "recipes"):
        completer = ShellComplete(main, {}, "restore", "_RESTORE_COMPLETE")
        found = {item.value for item in completer.get_completions([command, "--plugin"], "p")}
        assert found == {module, "package"}
    ShellComplete(main, {}, "restore", "").get_completions(["evaluate", "--list", "--plugin", module, "--metric"], "")
    assert not Path("imported").exists()


@pytest.mark.slow
def test_the_console_script_finds_a_module_of_the_current_folder(module: str, tmp_path: Path) -> None:
    # As installers write it: its own folder is on the path, the current one is not.
    script = tmp_path / "bin" / "restore"
    script.parent.mkdir()
    script.write_text("from restore.cli.main import main\nmain()\n")
    command = f"train named.yaml --plugin {module} --data . --out run --device cpu --threads 1 --workers 0"
    done = subprocess.run(
        [sys.executable, script, *shlex.split(command)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert Path("run/last.safetensors").exists()
