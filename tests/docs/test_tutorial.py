"""docs/tutorial.md: its recipes are right, and its commands do what it says, in a short form."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from restore.cli.main import main
from restore.recipes import find_recipe
from restore.training.recipe_base import read_lineage
from restore.training.recipe_file import load_recipe, recipe_of
from tests.conftest import picture, save

PAGE = (Path(__file__).resolve().parents[2] / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(found) for found in re.findall(r"(?:^ {4}.*\n)+", PAGE, re.MULTILINE)]
SHOWN = [line for block in BLOCKS for line in block.splitlines() if line.startswith("restore ")]
COMMANDS = [shlex.split(line) for line in (*SHOWN, *re.findall(r"`(restore [^`]+)`", PAGE))]
# What shortens each recipe to two steps on tiny pictures.
SHORT = ["train.steps=2", "train.batch=2", "train.schedule.warmup=0", "data.holdout=1", "validation.crop=64"]
PATCHES = {"sr-x2": 24, "light.yaml": 64, "no-filter.yaml": 64}


def recipes() -> dict[str, str]:
    """The recipes that are to be saved, by file name."""
    texts = {yaml.safe_load(block)["name"]: block for block in BLOCKS if block.startswith("base:")}
    assert all(f"Save this as `{name}.yaml`" in PAGE for name in texts)
    return {f"{name}.yaml": text for name, text in texts.items()}


def test_its_recipes_are_right(tmp_path: Path) -> None:
    trained = [words[2] for words in COMMANDS if words[1] == "train" and "--check" not in words]
    assert trained == ["sr-x2", "light.yaml", "no-filter.yaml"]
    for name, text in recipes().items():
        (tmp_path / name).write_text(text)
        recipe = recipe_of(read_lineage(tmp_path / name), name)
        assert f"{name.removesuffix('.yaml')}" == recipe.name
    changes = [words[i + 1] for words in COMMANDS for i, word in enumerate(words) if word == "--set"]
    assert load_recipe(find_recipe("sr-x2"), changes).train.steps == 400


@pytest.mark.slow
def test_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(4):
        save(tmp_path / f"Photos/{seed}.png", picture(200, 220, seed=seed))
    for name, text in recipes().items():
        Path(name).write_text(text)
    for words in COMMANDS:
        if "Pictures/other" in words:
            words = ["Photos" if word == "Pictures/other" else word for word in words]
        if words[1] == "train":
            short = [*SHORT, f"data.patch={PATCHES[words[2]]}"]
            words = [*words, *(part for change in short for part in ("--set", change)), "--device", "cpu"]
            words += [] if "--check" in words else ["--workers", "0"]
        done = CliRunner().invoke(main, words[1:], catch_exceptions=False)
        assert done.exit_code == 0, (words, done.output)
    for made in ("enlarged", "brightened", "unfiltered"):
        assert len(list(Path(made).glob("*.png"))) == 4
    assert Path("unfiltered.html").exists()
    assert Path("enlarge/README.md").exists()
