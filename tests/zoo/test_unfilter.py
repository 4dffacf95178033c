"""What the shipped model that takes photo filters off does with pictures that everybody has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.data.filters.library import FILTERS, blend, find_filter
from restore.data.filters.options import NO_FILTER
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.enhance import enhance_pixels
from restore.runtime.model import Model, open_model
from restore.zoo.find import find
from restore.zoo.precision import family
from tests.conftest import picture

# These leave no colours, and nothing brings them back.
GREY = ("inkwell", "moon", "willow")


@pytest.fixture(scope="module", params=sorted(family(find("unfilter"))))
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(family(find("unfilter"))[request.param], "cpu")


def freed(model: Model, pixels: np.ndarray, tile: int | None = None, strength: float = 1.0) -> np.ndarray:
    return enhance_pixels(pixels, model, model.spec, tile, strength)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    found = [read_rgb8(path) for path in sorted(p for p in Path("samples").rglob("*") if p.suffix in (".jpg", ".png"))]
    return [cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for x in found]


def test_filters_come_off(model: Model, photos: list[np.ndarray]) -> None:
    gains = {}
    for name in set(FILTERS) - set(GREY):
        pairs = [(find_filter(name)(photo), photo) for photo in photos]
        gains[name] = np.mean([psnr(freed(model, under), photo) - psnr(under, photo) for under, photo in pairs])
    assert np.mean(list(gains.values())) > 6, gains
    assert min(gains.values()) > -1, gains


def test_it_says_which_filter_it_was(model: Model, photos: list[np.ndarray]) -> None:
    believed = [(name, model.believe(find_filter(name)(photo))) for name in FILTERS for photo in photos]
    assert {*FILTERS, NO_FILTER} == set(model.spec.kinds)
    right = [belief is not None and belief.kind == name for name, belief in believed]
    assert np.mean(right) > 0.6


def test_without_a_filter_little_changes(model: Model, photos: list[np.ndarray]) -> None:
    assert np.mean([psnr(freed(model, photo), photo) for photo in photos]) > 32


def test_half_a_filter_comes_off_too(model: Model, photos: list[np.ndarray]) -> None:
    gains = []
    for number, name in enumerate(sorted(set(FILTERS) - set(GREY))):
        photo = photos[number % len(photos)]
        under = blend(photo, find_filter(name)(photo), 0.5)
        gains.append(psnr(freed(model, under), photo) - psnr(under, photo))
    assert np.mean(gains) > 1


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_give_numbers(model: Model, value: int) -> None:
    made = freed(model, np.full((90, 120, 3), value, np.uint8))
    assert made.shape == (90, 120, 3)
    assert np.ptp(made.astype(int), axis=(0, 1)).max() <= 64, "what is even stays nearly so"


@pytest.mark.parametrize("tile", [32, 77, 150])
def test_the_size_of_the_tiles_changes_nothing(model: Model, tile: int) -> None:
    under = find_filter("clarendon")(picture(211, 330))
    difference = freed(model, under, 10_000).astype(int) - freed(model, under, tile)
    assert np.abs(difference).max() <= 1


def test_strength_goes_from_the_picture_to_the_result(model: Model) -> None:
    under = find_filter("toaster")(picture(100, 140))
    none, half, whole = (freed(model, under, strength=s).astype(int) for s in (0, 0.5, 1))
    np.testing.assert_array_equal(none, under)
    inside = (whole > 0) & (whole < 255)
    assert np.abs(half - (none + whole) / 2)[inside].max() <= 1.01


@pytest.mark.parametrize("size", [(2, 3), (7, 300), (33, 17)])
def test_odd_sizes(model: Model, size: tuple[int, int]) -> None:
    assert freed(model, picture(*size)).shape == (*size, 3)
