"""What holds of every shipped model that judges the whole picture and changes it in tiles."""

from __future__ import annotations

import numpy as np
import pytest

from restore.data.filters.library import find_filter
from restore.runtime.model import Model, open_model
from tests.conftest import picture
from tests.zoo.shipped import files, kind, made_by


@pytest.fixture(scope="module", params=[*files("backlit"), *files("unfilter")], ids=kind)
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(request.param, "cpu")


def dull(height: int, width: int) -> np.ndarray:
    """Dark and under a filter: something to do for each."""
    return find_filter("toaster")(picture(height, width) // 3)


@pytest.mark.parametrize("tile", [32, 77, 150])
def test_the_size_of_the_tiles_changes_nothing(model: Model, tile: int) -> None:
    pixels = dull(211, 330)
    whole = made_by(model, pixels, 10_000).astype(int)
    assert np.abs(whole - pixels).mean() > 2, "it does something"
    assert np.abs(whole - made_by(model, pixels, tile)).max() <= 1


def test_strength_goes_from_the_picture_to_the_result(model: Model) -> None:
    pixels = dull(100, 140)
    none, half, whole = (made_by(model, pixels, strength=s).astype(int) for s in (0, 0.5, 1))
    np.testing.assert_array_equal(none, pixels)
    inside = (whole > 0) & (whole < 255)
    assert inside.mean() > 0.5
    assert np.abs(half - (none + whole) / 2)[inside].max() <= 1.01


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 300), (33, 17)])
def test_odd_sizes(model: Model, size: tuple[int, int]) -> None:
    assert made_by(model, dull(*size)).shape == (*size, 3)
