"""Rain follows its options and depends only on the generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.rain import Rain, streaks
from restore.data.sampling import generator
from restore.imaging.decode import read_rgb8
from restore.recipes import find_recipe
from restore.training.recipe_file import load_recipe
from restore.training.training_data import open_training_data
from tests.conftest import picture, save

DARK = np.full((96, 128, 3), 40, np.uint8)


def rain(photo: np.ndarray, options: Rain, draw: np.random.Generator) -> np.ndarray:
    return to_uint8(options(to_float(photo), draw))


def test_the_same_seed_gives_the_same_picture() -> None:
    photo = picture(80, 120, seed=1)
    before = photo.copy()
    first, again, other = (rain(photo, Rain(probability=1), generator(0, number)) for number in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(photo, before)
    assert np.any(first != other)
    assert first.dtype == np.uint8
    assert first.shape == photo.shape


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 200, 3), (200, 1, 3), (7, 5, 3)])
def test_any_size_is_taken(shape: tuple[int, ...]) -> None:
    heavy = Rain(probability=1, density=(50, 50), length=(300, 300))
    assert rain(np.zeros(shape, np.uint8), heavy, generator(0, 0)).shape == shape


def test_what_is_dark_gets_brighter_and_nothing_is_brighter_than_the_sky() -> None:
    options = Rain(probability=1, light=(0.5, 0.5), density=(5, 8))
    for number in range(8):
        wet = rain(DARK, options, generator(3, number))
        assert (wet >= DARK - 1).all()
        assert wet.mean() > DARK.mean() + 1
        assert wet.max() <= 188  # 0.5 in linear light
    white = np.full_like(DARK, 255)
    assert rain(white, options, generator(3, 0)).mean() < 255, "drops are darker than a white sky"


def test_more_rain_brightens_more() -> None:
    means = [
        np.mean(
            [rain(DARK, Rain(probability=1, density=(d, d), veil=(0, 0)), generator(1, n)).mean() for n in range(12)]
        )
        for d in (0, 1, 4, 16)
    ]
    assert means[0] == DARK.mean(), "neither streaks nor veil"
    assert means == sorted(means)
    assert means[3] > means[1] + 2


def test_layers_are_opacities() -> None:
    for number in range(4):
        layers = streaks(64, 96, 20, Rain(layers=(3, 3)), generator(2, number))
        assert [layer.shape for layer in layers] == [(64, 96)] * 3
        assert all(layer.min() >= 0 and layer.max() <= 1 for layer in layers)


@pytest.mark.parametrize("angle", [-40, -15, 0, 25, 40])
def test_streaks_fall_in_the_given_direction(angle: float) -> None:
    """The main direction of the structure tensor is across the streaks; at a positive angle they fall to the right."""
    options = Rain(angle=(angle, angle), spread=0.5, layers=(1, 1), width=(5, 5))
    (layer,) = streaks(300, 300, 2, options, generator(5, 0))
    down, right = np.gradient(layer)
    across = 0.5 * np.arctan2(2 * (down * right).sum(), (right * right).sum() - (down * down).sum())
    assert -np.rad2deg(across) == pytest.approx(angle, abs=3)


def test_far_streaks_are_shorter_and_more_numerous() -> None:
    far, near = streaks(300, 300, 3, Rain(layers=(2, 2), angle=(0, 0), spread=0), generator(6, 0))

    def correlation(layer: np.ndarray, shift: int) -> float:
        """Correlation of a layer with itself shifted down; high if streaks are longer than the shift."""
        return float(np.corrcoef(layer[:-shift].ravel(), layer[shift:].ravel())[0, 1])

    assert correlation(near, 12) > correlation(far, 12) + 0.1
    columns = [(layer > 0.01).any(axis=0).mean() for layer in (far, near)]
    assert columns[0] > columns[1] + 0.2


def test_some_photographs_stay_untouched() -> None:
    options = Rain(probability=0.75)
    same = [np.array_equal(rain(DARK, options, generator(9, n)), DARK) for n in range(200)]
    assert 0.15 < np.mean(same) < 0.35


@pytest.mark.parametrize(
    "wrong",
    [
        {"angle": (30, -30)},
        {"opacity": (0, 2)},
        {"layers": (0, 2)},
        {"density": (-1, 1)},
        {"veil": (0.5, 0.1)},
        {"x": 1},
    ],
)
def test_options_have_ranges(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rain.model_validate(wrong)


def test_rain_is_learned_from_clean_photographs(tmp_path: Path) -> None:
    for i in range(4):
        save(tmp_path / f"{i}.png", picture(64, 80, seed=i) // 2)
    recipe = load_recipe(find_recipe("derain"), ["data.patch=32", "data.holdout=2", "data.rain={probability: 1}"])
    data, again = (open_training_data(recipe, tmp_path, 2**24) for _ in range(2))
    assert data.description == "2 photographs to train on"
    for number in range(6):
        wet, clean = data.dataset.cut(number)
        assert wet.shape == clean.shape == (32, 32, 3)
        for one, other in zip(data.dataset.cut(number), again.dataset.cut(number), strict=True):
            np.testing.assert_array_equal(one, other)
    assert np.mean([np.any(a != b) for a, b in (data.dataset.cut(n) for n in range(6))]) > 0.5
    assert [sample.name for sample in data.samples] == ["1", "3"]
    for sample, same in zip(data.samples, again.samples, strict=True):
        np.testing.assert_array_equal(sample.low, same.low)
        np.testing.assert_array_equal(sample.high, read_rgb8(tmp_path / f"{sample.name}.png"))
        assert sample.low.mean() > sample.high.mean()
