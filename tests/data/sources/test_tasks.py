"""Haze, motion, noise and shadow: each is learned from clean photographs, and a sample depends on its number alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.data.degradations.registry import DEGRADATIONS
from restore.data.sampling import generator
from restore.errors import RecipeError
from restore.recipes import find_recipe
from restore.training.recipe_file import load_recipe
from restore.training.training_data import open_training_data
from tests.conftest import picture, save

# Recipe, key below ``data:``, and the kind of the same degradation as a step of the chain.
TASKS = [
    ("dehaze", "haze", "haze"),
    ("deblur", "motion", "motion"),
    ("denoise", "noise", "sensor-noise"),
    ("deshadow", "shadow", "shadow"),
]
tasks = pytest.mark.parametrize(("name", "key", "kind"), TASKS, ids=[key for _, key, _ in TASKS])


@tasks
def test_it_is_learned_from_clean_photographs(tmp_path: Path, name: str, key: str, kind: str) -> None:
    for i in range(4):
        save(tmp_path / f"{i}.png", picture(72, 80, seed=i))
    changes = ["data.patch=64", "data.holdout=2", f"data.{key}={{probability: 1}}"]
    recipe = load_recipe(find_recipe(name), changes)
    data, again = (open_training_data(recipe, tmp_path, 2**24) for _ in range(2))
    other = open_training_data(load_recipe(find_recipe(name), [*changes, "train.seed=7"]), tmp_path, 2**24)
    backward = {number: again.dataset.cut(number) for number in reversed(range(4))}
    for number in range(4):
        low, clean = data.dataset.cut(number)
        assert low.shape == clean.shape == (64, 64, 3)
        assert low.dtype == clean.dtype == np.uint8
        for one, same in zip((low, clean), backward[number], strict=True):
            np.testing.assert_array_equal(one, same)
        assert np.any(low != clean)
    assert any(np.any(data.dataset.cut(n)[0] != other.dataset.cut(n)[0]) for n in range(4))
    for sample, same in zip(data.samples, again.samples, strict=True):
        np.testing.assert_array_equal(sample.low, same.low)
        assert sample.high is not None
        assert np.any(sample.low != sample.high)


def test_haze_over_views_lies_over_whole_scenes(tmp_path: Path) -> None:
    """A view shows at least half of the shorter side, reduced; validation shows whole pictures."""
    ramp = np.linspace(0, 255, 240)[:, None, None].repeat(300, 1).repeat(3, 2)  # the row can be read from the color
    for i in range(4):
        save(tmp_path / f"{i}.png", ramp.astype(np.uint8))
    changes = ["data.patch=64", "data.holdout=2", "validation.crop=150", "data.haze={probability: 1}"]
    views = open_training_data(load_recipe(find_recipe("dehaze"), changes), tmp_path, 2**24)
    spans = [int(np.ptp(views.dataset.cut(number)[1])) for number in range(8)]
    assert min(spans) > 110
    assert max(spans) > 180
    assert all(sample.high is not None and sample.high.shape == (120, 150, 3) for sample in views.samples)
    patches = open_training_data(load_recipe(find_recipe("dehaze"), [*changes, "data.views=false"]), tmp_path, 2**24)
    assert all(60 < np.ptp(patches.dataset.cut(number)[1]) < 75 for number in range(8))


@tasks
def test_some_photographs_stay_untouched(name: str, key: str, kind: str) -> None:
    """The default leaves a few alone, so that a network learns to leave clean pictures alone."""
    options = DEGRADATIONS[kind]()
    assert options.probability == 0.95
    sometimes = options.model_copy(update={"probability": 0.5})
    photo = picture(24, 24).astype(np.float32) / 255
    same = [np.array_equal(sometimes(photo, generator(9, n)), photo) for n in range(60)]
    assert 0.3 < np.mean(same) < 0.7


@tasks
def test_input_and_target_have_one_size(name: str, key: str, kind: str) -> None:
    with pytest.raises(RecipeError, match=f"data.{key}: input and target have the same size"):
        load_recipe(find_recipe(name), ["scale=2", "network={kind: plain}"])


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("haze", {"transmission": (0, 1)}),
        ("haze", {"transmission": (0.9, 0.1)}),
        ("haze", {"tint": (0, 2)}),
        ("motion", {"length": (-1, 1)}),
        ("motion", {"objects": (0, 99)}),
        ("motion", {"shake": 2}),
        ("sensor-noise", {"gain": (0.5, 2)}),
        ("sensor-noise", {"quality": (0, 50)}),
        ("shadow", {"ambient": (0, 0.5)}),
        ("shadow", {"shapes": {"polygon": 0, "blob": 0, "leaves": 0}}),
        ("shadow", {"count": (0, 1)}),
        ("shadow", {"x": 1}),
    ],
)
def test_options_have_ranges(kind: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DEGRADATIONS[kind].model_validate(wrong)
