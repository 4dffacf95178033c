"""The recipes that come along: each is whole, says what it is for, and can be trained by its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import RecipeError
from restore.recipes import find_recipe, shipped
from restore.training.checkpoint import LAST
from restore.training.recipe_file import load_recipe
from tests.conftest import SAMPLES


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize("one", shipped(), ids=lambda r: r.name)
def test_each_is_whole(one: object) -> None:
    recipe = load_recipe(one.file)
    assert recipe.name == one.name
    if recipe.data.unpaired is None and recipe.data.pairs is None:
        assert recipe.data.train == ["."], "--data is the folder of photographs itself"
    assert len(one.purpose) > 20


def test_the_control_differs_in_the_contrastive_term_alone() -> None:
    """And in the discriminator, which nothing else uses."""
    contrastive, control = (load_recipe(find_recipe(name)).as_dict() for name in ("pcl-sr-x4", "pcl-sr-x4-control"))
    assert {key for key in control if control[key] != contrastive[key]} == {"name", "losses", "discriminator"}
    assert contrastive["losses"][:1] == control["losses"]
    assert [loss["kind"] for loss in contrastive["losses"]] == ["l1", "contrastive"]


def test_the_models_are_trained_by_the_recipe_of_their_name() -> None:
    """Or begin so, where another follows: the last steps are on other shares or more of the same data, with more parts."""
    more = {"backlit": {("gate", True), ("shoulder", 0.9)}, "unfilter": {("gate", True)}}
    for name in ("sr-x2", "sr-x4", "photo-x1", "photo-x4", "backlit", "unfilter"):
        start, last = Path("models") / name / "start.yaml", Path("models") / name / "recipe.yaml"
        shipped_one, model = load_recipe(find_recipe(name)), load_recipe(start if start.exists() else last)
        assert shipped_one.network == model.network
        changed = load_recipe(last).network.model_dump().items() - model.network.model_dump().items()
        assert changed == more.get(name, set())
        assert shipped_one.losses == model.losses


def test_the_list() -> None:
    text = run("recipes")
    assert text.exit_code == 0
    assert all(one.name in text.output and one.purpose in text.output for one in shipped())
    assert "losses: adversarial, patch-nce by infonce in features of network" in text.output
    facts = json.loads(run("recipes", "--json").output)
    assert {one["name"]: one["losses"] for one in facts}["sr-x2"] == ["l1", "l1 on luma"]
    assert [one["name"] for one in facts] == [one.name for one in shipped()]


def test_one_can_be_printed_and_changed(tmp_path: Path) -> None:
    printed = run("recipes", "photo-x4").output
    (tmp_path / "mine.yaml").write_text(printed)
    assert load_recipe(tmp_path / "mine.yaml") == load_recipe(find_recipe("photo-x4"))


def test_every_value_that_a_recipe_may_have_is_explained() -> None:
    schema = json.loads(run("recipes", "--schema").output)
    parts = {"Recipe": schema, **schema["$defs"]}
    # What is another part is explained there.
    silent = [
        f"{part}.{name}"
        for part, said in parts.items()
        for name, value in said.get("properties", {}).items()
        if name != "kind" and "description" not in value and "$ref" not in json.dumps(value)
    ]
    assert not silent


def test_the_schema_knows_the_losses() -> None:
    schema = json.loads(run("recipes", "--schema").output)
    assert {"PixelOptions", "ContrastiveLossOptions", "AdversarialOptions"} <= set(schema["$defs"])
    assert schema["additionalProperties"] is False


def test_names_and_paths(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'pcl-sr-x4'"):
        find_recipe("pclsr-x4")
    with pytest.raises(RecipeError, match="available: .*sr-x2"):
        find_recipe("zzz")
    assert find_recipe("some/where") == Path("some/where")
    assert find_recipe("mine.yaml") == Path("mine.yaml")
    assert run("recipes", "nothing-like-it").exit_code == 2


def test_training_by_name(tmp_path: Path) -> None:
    """All of photo-x4's parts in eight steps: the discriminator, its losses and the degradation among them."""
    for path in SAMPLES.rglob("*.*g"):
        shutil.copy(path, tmp_path)
    small = [
        "network={kind: residual, width: 16, blocks: 1}",
        "discriminator={network: {kind: patchgan, width: 4}, form: hinge, begin: 2}",
        "losses=[{kind: l1}, {kind: perceptual, weight: 0.1, begin: 3}, {kind: adversarial, weight: 0.01, begin: 4}]",
        "data.patch=16",
        "data.holdout=1",
        "validation.crop=96",
        "train={steps: 8, batch: 2, schedule: {warmup: 2}}",
    ]
    changes = [part for change in small for part in ("--set", change)]
    result = run("train", "photo-x4", "--data", tmp_path, "--out", tmp_path / "run", "--device", "cpu", *changes)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / LAST).is_file()
