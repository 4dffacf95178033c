"""Recipes are validated completely, and errors give the line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from restore.errors import RecipeError
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, RecipeFacts, TrainingContext
from restore.losses.registry import LOSSES
from restore.recipes import find_recipe
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, load_recipe, parse_recipe
from restore.zoo.find import shipped_folder

GOOD = """\
name: test
scale: 2
network: {kind: plain, width: 16, depth: 1}
data:
  train: [photos]
  patch: 12
losses:
  - {kind: l1}
train:
  steps: 10
  schedule: {warmup: 2}
  optimizer:
    lr: 1e-3
"""


def test_a_good_recipe() -> None:
    recipe = parse_recipe(GOOD, "r.yaml")
    assert recipe.train.optimizer.lr == 1e-3  # YAML 1.1 would read 1e-3 as text
    assert recipe.train.batch == 16
    assert recipe.network.width == 16
    assert parse_recipe(dump_recipe(recipe), "again") == recipe


def test_a_run_is_validated_by_any_metric_of_pictures() -> None:
    old = parse_recipe(GOOD, "r.yaml")
    assert old.digest() == parse_recipe(GOOD, "r.yaml", ["validation.metric=psnr-y"]).digest()
    for name in ("psnr-y", "psnr-rgb", "ssim-y", "ms-ssim", "ciede2000", "niqe", "lpips", "dists", "features"):
        recipe = parse_recipe(GOOD, "r.yaml", [f"validation.metric={name}"])
        assert parse_recipe(dump_recipe(recipe), "again") == recipe


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("metric=lpip", "'validation.metric': no metric 'lpip': did you mean 'lpips'"),
        ("metric=fid", "'fid' measures whole sets; use one of psnr-y"),
        ("metric=perceptual-index", "needs scores computed by another program"),
        ("weights=a.pth", "'psnr-y' has no weights; remove it"),
    ],
)
def test_metrics_that_cannot_validate(change: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_recipe(GOOD, "r.yaml", [f"validation.{change}"])


@pytest.mark.parametrize("path", sorted(shipped_folder().glob("*/*.yaml")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_shipped_recipes(path: Path) -> None:
    model = path.parent.name
    assert load_recipe(path).name == (f"{model}-control" if path.stem == "control" else model)


@pytest.mark.parametrize(
    ("network", "patch", "says"),
    [
        ("{kind: destyling}", 100, "'destyling' needs sides of at least 8 that are multiples of 8, not 100; try 96"),
        ("{kind: destyling}", 4, "multiples of 8, not 4; try 8"),
        ("{kind: bilateral-grid}", 33, "multiples of 2, not 33; try"),
    ],
)
def test_patches_are_what_the_network_takes(network: str, patch: int, says: str) -> None:
    text = GOOD.replace("scale: 2", "scale: 1").replace("patch: 12", f"patch: {patch}")
    old = next(line for line in GOOD.splitlines() if line.startswith("network"))
    with pytest.raises(RecipeError, match=says):
        parse_recipe(text.replace(old, f"network: {network}"), "r.yaml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("patch: 12", "pathc: 12", r"r\.yaml, line 6: unknown option 'data\.pathc'; did you mean 'patch'\?"),
        ("width: 16", "widht: 16", r"line 3: unknown option 'network\.widht'; did you mean 'width'\?"),
        ("    lr: 1e-3", "    learning: 1e-3", r"line 13: unknown option 'train\.optimizer\.learning'"),
        (
            "{kind: l1}",
            "{kind: contrastive, objective: {kind: macl, tempreature: 1}}",
            r"line 8: unknown option 'losses\.0\.objective\.tempreature'; did you mean 'temperature'\?",
        ),
        ("{kind: l1}", "{kind: perceptual, encoder: {kind: haar}}", "choose a pretrained encoder"),
        ("{kind: l1}", "{kind: contrastive, objective: {kind: isogclr}}", "choose another objective"),
        ("{kind: l1}", "{kind: contrastiv}", r"line 8: 'losses\.0'.*'contrastive'"),
        ("{kind: l1}", "{kind: l1, begin: 5, end: 5}", r"line 8: 'losses\.0'.*end \(5\) must come after begin \(5\)"),
        ("{kind: l1}", "{kind: l1, end: 6}", "no loss is active at step 6 of 10"),
        ("{kind: l1}", "{kind: l1, begin: 3}", "no loss is active at step 0 of 10"),
        ("- {kind: l1}", "- {kind: l1}\n  - {kind: l2, begin: 10}", "l2 would begin after the last of 10 steps"),
        ("{kind: l1}", "{kind: adversarial}", "adversarial needs a discriminator"),
        ("{kind: l1}", "{kind: contrastive, encoder: {kind: discriminator}}", "contrastive needs a discriminator"),
        ("losses:", "discriminator: {network: {kind: haar}}\nlosses:", "no loss uses the discriminator"),
        (
            "losses:",
            "discriminator: {network: {kind: patchgan}}\nlosses:\n  - {kind: style, encoder: {kind: discriminator}}",
            "'patchgan' provides no features",
        ),
        (
            "losses:",
            "discriminator: {network: {kind: haar, widht: 3}}\nlosses:",
            r"line 7: unknown option 'discriminator\.network\.widht'; did you mean 'width'",
        ),
        (
            "{kind: l1}",
            "{kind: adversarial}\ndiscriminator: {network: {kind: patchgan, layers: 4}, form: hinge}",
            "'patchgan' needs pictures of at least 48 pixels, but patches of 12 become 24; increase patch",
        ),
        ("{kind: l1}", "{kind: l1, wieght: 2}", r"line 8: unknown option 'losses\.0\.wieght'; did you mean 'weight'\?"),
        ("scale: 2", "scale: two", r"line 2: 'scale': .*valid integer.*'two'"),
        ("steps: 10", "steps: -1", r"line 10: 'train\.steps': .*greater than 0.*-1"),
        ("kind: plain", "kind: plane", r"line 3: 'network'"),
        ("scale: 2\n", "", r"r\.yaml: 'scale' is missing"),
        ("train: [photos]", "train: []", r"line 4: 'data': give train, pairs, unpaired or exposures"),
        ("scale: 2", "scale: 2\nscale: 3", r"line 3: not YAML: 'scale' is given twice"),
        ("[photos]", "[photos", r"not YAML"),
        ("scale: 2", "scale: 2\n{a: 1}: 2", r"line 3: not YAML: the name of an option must be a word"),
        ("steps: 10", "steps: 10\n  clip: .inf", r"'train\.clip': .*finite"),
        ("name: test", "name: ../evil", r"line 1: 'name'"),
    ],
)
def test_mistakes_are_shown_by_line(old: str, new: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_recipe(GOOD.replace(old, new), "r.yaml")


@pytest.mark.parametrize("text", ["", "- a\n- b", "text"])
def test_not_a_mapping(text: str) -> None:
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        parse_recipe(text, "r.yaml")


def test_changes() -> None:
    recipe = parse_recipe(GOOD, "r", ["train.steps=7", "network.width=32", "data.train=[a, b]", "train.clip=null"])
    assert (recipe.train.steps, recipe.network.width, recipe.data.train, recipe.train.clip) == (7, 32, ["a", "b"], None)
    with pytest.raises(RecipeError, match="unknown option 'train.stpes'; did you mean 'steps'"):
        parse_recipe(GOOD, "r", ["train.stpes=7"])
    with pytest.raises(RecipeError, match="key=value"):
        parse_recipe(GOOD, "r", ["train.steps"])
    with pytest.raises(RecipeError, match="not a group"):
        parse_recipe(GOOD, "r", ["scale.x=1"])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_digest_is_of_the_meaning() -> None:
    a = parse_recipe(GOOD, "r")
    assert a.digest() == parse_recipe("# a comment\n" + GOOD, "r").digest()
    assert a.digest() != parse_recipe(GOOD, "r", ["train.seed=1"]).digest()
    assert a.digest() == parse_recipe(GOOD, "r", ["train.seed=0", "data.candidates=1"]).digest(), "explicit defaults"
    compact = GOOD.replace("kind: plain", "kind: compact")
    assert a.digest() != parse_recipe(compact, "r").digest(), "another network with the same options"
    assert isinstance(a, Recipe)


def test_what_is_wrong_in_a_change_is_not_blamed_on_the_file() -> None:
    with pytest.raises(
        RecipeError, match=r"^--set network=\{kind: plane\}: 'network': no kind 'plane' here; did you mean 'plain'\?"
    ):
        parse_recipe(GOOD, "r.yaml", ["network={kind: plane}"])
    with pytest.raises(
        RecipeError,
        match=r"^--set network=\{kind: plain, widht: 3\}: unknown option 'network\.widht'; did you mean 'width'",
    ):
        parse_recipe(GOOD, "r.yaml", ["network={kind: plain, widht: 3}"])


def test_errors_name_the_change_that_causes_them() -> None:
    with pytest.raises(
        RecipeError, match=r"^--set losses\.0\.wieght=2: unknown option 'losses\.0\.wieght'; did you mean 'weight'"
    ):
        parse_recipe(GOOD, "r.yaml", ["losses.0.weight=3", "losses.0.wieght=2"])
    with pytest.raises(RecipeError, match=r"^r\.yaml, line 9, with --set train\.accumulate=3: 'train': a batch of"):
        parse_recipe(GOOD, "r.yaml", ["train.accumulate=3", "scale=2"])


def test_contradictions_between_groups_are_reported_without_a_key() -> None:
    changes = ["train.steps=5", "losses=[{kind: l1, begin: 6}]"]
    said = (
        r"^r\.yaml, with --set train\.steps=5 --set losses=\[\{kind: l1, begin: 6\}\]: no loss is active at step 0 of 5"
    )
    with pytest.raises(RecipeError, match=said):
        parse_recipe(GOOD, "r.yaml", changes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("losses=[{kind: prompt-score}]", "prompt-score needs prompts: add guidance"),
        ("losses=[{kind: l1}, {kind: clean-code}]", "clean-code: the network 'plain' makes no code"),
        ("losses=[{kind: patch-nce, identity: true}]", "patch-nce with identity is for scale 1"),
        ("losses=[{kind: style-nce, encoder: {kind: network, taps: [1]}}]", "'plain' provides no features"),
        ("losses=[{kind: translation}]", "translation only trains the network 'translating'"),
    ],
)
def test_a_loss_checks_the_recipe(change: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_recipe(GOOD, "r.yaml", [change])


def test_unpaired_data_have_no_targets_to_compare_with() -> None:
    unpaired = "data={unpaired: {input: [a], target: [b]}, patch: 12}"
    with pytest.raises(RecipeError, match="l1 compares the output with its target, and unpaired data have none"):
        parse_recipe(GOOD, "r.yaml", [unpaired])
    assert parse_recipe(GOOD, "r.yaml", [unpaired, "losses=[{kind: total-variation}]"]).data.unpaired is not None


def test_a_loss_of_another_package_builds_and_checks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class SquareOnly(LossOptions):
        kind: Literal["square-only"] = "square-only"

        def check(self, recipe: RecipeFacts) -> None:
            super().check(recipe)
            if recipe.scale != 1:
                raise ValueError(f"square-only is for scale 1, not {recipe.scale}")

        def build(self, context: TrainingContext = ALONE) -> LossTerm:
            return PairTerm(lambda output, target: (output - target).square().mean())

    monkeypatch.setattr(LOSSES, "_members", dict(LOSSES))
    LOSSES.register(SquareOnly)
    recipe = parse_recipe(GOOD, "r.yaml", ["scale=1", "losses=[{kind: square-only, weight: 2}]"])
    assert recipe.losses == [SquareOnly(weight=2)]
    with pytest.raises(RecipeError, match="square-only is for scale 1, not 2"):
        parse_recipe(GOOD, "r.yaml", ["losses=[{kind: square-only}]"])


def test_only_filter_class_names_classes() -> None:
    recipe = load_recipe(find_recipe("unfilter"))
    names = {loss.kind: loss.class_names(recipe) for loss in recipe.losses}
    assert names.pop("filter-class") == recipe.data.filters.kinds()
    assert set(names.values()) == {()}
    with pytest.raises(RecipeError, match=r"filter-class: network\.kinds must be"):
        load_recipe(find_recipe("unfilter"), ["network.kinds=3"])
    with pytest.raises(RecipeError, match=r"filter-class: only data\.filters say which filter"):
        load_recipe(find_recipe("unfilter"), ["data.filters=null"])
