"""Recipes build on others, and single elements of lists are changed by --set."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from restore.errors import RecipeError
from restore.recipes import find_recipe
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.recipe_base import differences, merge, read_lineage
from restore.training.recipe_file import load_recipe, parse_recipe
from restore.training.train import Options, start
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE, assert_same, stopping_at

BASE = RECIPE + "losses:\n  - {kind: l1}\n  - {kind: ssim, weight: 0.2}\n"


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_what_is_not_said_comes_from_the_base(tmp_path: Path) -> None:
    write(
        tmp_path / "sub", mine="base: ../base.yaml\nname: mine\nnetwork: {width: 8}\ntrain: {optimizer: {lr: 1e-3}}\n"
    )
    write(tmp_path, base=BASE)
    recipe = load_recipe(tmp_path / "sub/mine.yaml", ["train.batch=2"])
    whole = BASE.replace("name: test", "name: mine").replace("width: 16", "width: 8").replace("lr: 2e-3", "lr: 1e-3")
    assert recipe == parse_recipe(whole, "r", ["train.batch=2"])
    assert recipe.digest() == parse_recipe(whole, "r", ["train.batch=2"]).digest()
    assert read_lineage(tmp_path / "sub/mine.yaml").changes == [
        f"{tmp_path}/sub/mine.yaml: name: test -> mine",
        f"{tmp_path}/sub/mine.yaml: network.width: 16 -> 8",
        f"{tmp_path}/sub/mine.yaml: train.optimizer.lr: 0.002 -> 0.001",
    ]


def test_another_kind_and_lists_replace(tmp_path: Path) -> None:
    """The base's depth is no option of the other network, and a list has no names to merge by."""
    text = "base: base.yaml\nnetwork: {kind: residual, width: 8, blocks: 1}\nlosses: [{kind: l1, weight: 3}]\n"
    write(tmp_path, base=BASE, mine=text)
    recipe = load_recipe(tmp_path / "mine.yaml")
    assert recipe.network.model_dump(include={"kind", "blocks"}) == {"kind": "residual", "blocks": 1}
    assert [loss.weight for loss in recipe.losses] == [3]
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None}, "null takes away"


def test_a_base_may_have_a_base_and_be_an_included_recipe(tmp_path: Path) -> None:
    write(tmp_path, a="base: b.yaml\ntrain: {batch: 4}\n", b="base: sr-x2\nname: mine\n")
    recipe = load_recipe(tmp_path / "a.yaml")
    assert recipe == load_recipe(find_recipe("sr-x2"), ["name=mine", "train.batch=4"])


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"a": "base: a.yaml"}, "builds on this file itself"),
        ({"a": "base: b.yaml", "b": "base: a.yaml"}, r"b.yaml: base: .*a.yaml builds on this file itself"),
        ({"a": "base: gone.yaml"}, r"a.yaml: base: there is no file .*gone.yaml"),
        (
            {"a": "base: othr.yaml", "other": "scale: 2"},
            r"a.yaml: base: there is no file .*othr.yaml; did you mean 'other.yaml'\?",
        ),
        ({"a": "base: [b]"}, "base is the file of another recipe"),
        ({"a": "base: b.yaml", "b": "[1]"}, r"b.yaml: a recipe is a mapping"),
        ({"a": "base: sr-x22"}, "did you mean 'sr-x2'"),
    ],
)
def test_bases_that_cannot_be(texts: dict[str, str], says: str, tmp_path: Path) -> None:
    write(tmp_path, **texts)
    with pytest.raises(RecipeError, match=says):
        load_recipe(tmp_path / "a.yaml")


def test_a_mistake_is_shown_in_its_own_file(tmp_path: Path) -> None:
    write(tmp_path, base=BASE.replace("depth: 1", "dept: 1"), mine="base: base.yaml\n\ntrain: {bach: 3}\n")
    with pytest.raises(RecipeError) as told:
        load_recipe(tmp_path / "mine.yaml")
    first, second = sorted(str(told.value).splitlines())
    assert first.startswith(f"{tmp_path}/base.yaml, line 3: unknown option 'network.dept'")
    assert second.startswith(f"{tmp_path}/mine.yaml, line 3: unknown option 'train.bach'")


def test_a_checkpoint_has_no_base() -> None:
    """What is resumed does not change when a file does."""
    with pytest.raises(RecipeError, match="unknown option 'base'"):
        parse_recipe(f"base: sr-x2\n{RECIPE}", "r")


def go(data: Path, run: str, recipe: str | None, *changes: str) -> tuple[bool, str]:
    screen = io.StringIO()
    options = Options(None, recipe is None, changes, "cpu", threads=1, workers=0)
    done = start(recipe and data / recipe, data, data / run, options, Console(file=screen, width=300))
    return done, screen.getvalue()


def test_training_says_what_changed_and_resumes_exactly(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path / f"photos/{number}.png", picture(70, 96, seed=number))
    write(tmp_path, base=BASE, mine="base: base.yaml\nnetwork: {width: 8}\n")
    done, said = go(tmp_path, "whole", "mine.yaml")
    assert done
    assert f"{tmp_path}/mine.yaml: network.width: 16 -> 8" in said
    with stopping_at(9):
        assert not go(tmp_path, "stopped", "mine.yaml")[0]
    (tmp_path / "base.yaml").unlink()
    assert go(tmp_path, "stopped", None)[0]
    assert_same(tmp_path / "whole" / LAST, tmp_path / "stopped" / LAST)
    assert "base" not in Checkpoint(tmp_path / "whole" / LAST).recipe_yaml


def test_elements_of_lists_are_changed_by_number() -> None:
    recipe = parse_recipe(BASE, "r", ["losses.1.weight=2", "data.train.0=other", "losses.2={kind: psnr}"])
    assert [(loss.kind, loss.weight) for loss in recipe.losses] == [("l1", 1), ("ssim", 2), ("psnr", 1)]
    assert recipe.data.train == ["other"]
    assert parse_recipe(BASE, "r", ["losses.0={kind: colour}"]).losses[0].kind == "colour"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("losses.2.weight=2", "'losses' has 2 elements, numbered from 0: there is no 2"),
        ("losses.3={kind: l1}", "'losses' has 2 elements, numbered from 0: there is no 3"),
        ("losses.weight=2", "'losses' is a list, so name an element by its number, from 0: losses.0 for the first"),
        ("losses.0.weigth=2", "unknown option 'losses.0.weigth'; did you mean 'weight'"),
        ("losses.0.kind.x=2", "'kind' is not a group of options"),
    ],
)
def test_elements_that_are_not_there(change: str, says: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(BASE, "r", [change])
    assert says in str(told.value)


def test_elements_of_what_the_recipe_does_not_have() -> None:
    with pytest.raises(RecipeError, match="'losses' is not in the recipe, so none of its elements can be changed"):
        parse_recipe(RECIPE, "r", ["losses.0.weight=2"])


def test_differences() -> None:
    before, after = {"a": {"b": 1, "c": [1, 2]}, "d": None}, {"a": {"b": 2, "c": [1, 3]}, "e": {"f": "x"}}
    assert list(differences(before, after)) == ["a.b: 1 -> 2", "a.c.1: 2 -> 3", "d: null (gone)", "e: {f: x} (new)"]
    assert list(differences({"a": [1]}, {"a": [1, 2]})) == ["a: [1] -> [1, 2]"]
