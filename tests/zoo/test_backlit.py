"""What the shipped model of light does with pictures that everybody has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.data.lighting.backlight import Backlight, backlit
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.enhance import enhance_pixels
from restore.runtime.model import Model, open_model
from restore.zoo.find import find
from restore.zoo.precision import family
from tests.conftest import picture


@pytest.fixture(scope="module", params=sorted(family(find("backlit"))))
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(family(find("backlit"))[request.param], "cpu")


def lifted(model: Model, pixels: np.ndarray, tile: int | None = None, strength: float = 1.0) -> np.ndarray:
    return enhance_pixels(pixels, model, model.spec, tile, strength)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    """The samples, which are well lit, small."""
    found = [read_rgb8(path) for path in sorted(Path("samples").rglob("*.jpg"))]
    return [cv2.resize(x, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for x in found]


def test_what_is_backlit_is_lifted(model: Model, photos: list[np.ndarray]) -> None:
    gains = []
    for number, good in enumerate(photos * 3):
        dark = backlit(good, Backlight(untouched=0), np.random.default_rng(number))
        made = lifted(model, dark)
        assert made.mean() > dark.mean()
        gains.append(psnr(made, good) - psnr(dark, good))
    assert np.mean(gains) > 3


def test_what_is_well_lit_is_nearly_left_alone(model: Model, photos: list[np.ndarray]) -> None:
    """The samples are rather dark, and are lifted; as a photographer would have exposed them they stay."""
    for photo in photos:
        well_lit = np.round(255 * (photo / 255) ** 0.6).astype(np.uint8)
        assert np.abs(lifted(model, well_lit).astype(int) - well_lit).mean() < 3
        assert np.abs(lifted(model, photo).astype(int) - photo).mean() < 25


@pytest.mark.parametrize("value", [0, 255])
def test_black_stays_black_and_white_white(model: Model, value: int) -> None:
    made = lifted(model, np.full((90, 120, 3), value, np.uint8))
    assert np.abs(made.astype(int) - value).max() <= (0 if value == 0 else 10)


def test_grey_stays_grey(model: Model) -> None:
    dark = (picture(150, 200, 1) // 4).repeat(3, axis=2)
    made = lifted(model, dark).astype(int)
    assert (made.max(axis=2) - made.min(axis=2)).max() <= 1
    assert made.mean() > 1.2 * dark.mean()


@pytest.mark.parametrize("tile", [32, 77, 150])
def test_the_size_of_the_tiles_changes_nothing(model: Model, tile: int) -> None:
    dark = picture(211, 330) // 3
    difference = lifted(model, dark, 10_000).astype(int) - lifted(model, dark, tile)
    assert np.abs(difference).max() <= 1


def test_strength_goes_from_the_picture_to_the_result(model: Model) -> None:
    dark = picture(100, 140) // 4
    none, half, whole = (lifted(model, dark, strength=s).astype(int) for s in (0, 0.5, 1))
    np.testing.assert_array_equal(none, dark)
    assert np.abs(half - (none + whole) / 2).max() <= 1.01


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 300), (33, 17)])
def test_odd_sizes(model: Model, size: tuple[int, int]) -> None:
    assert lifted(model, picture(*size) // 4).shape == (*size, 3)
