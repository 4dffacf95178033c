"""Tiled equals whole; every size; a network that lies is caught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.errors import ModelError
from restore.imaging.resize import resize
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.zoo.find import entries
from tests.conftest import picture


def nearest(scale: int) -> object:
    return lambda batch: batch.repeat(scale, axis=2).repeat(scale, axis=3)


@pytest.mark.parametrize("tile", [16, 37, 64, 200])
def test_tiled_equals_whole(small_model: Path, tile: int) -> None:
    """Up to one level where float rounding, which differs with the tile's shape, falls on a half."""
    model = open_model(small_model, "cpu")
    pixels = picture(91, 130)
    whole = enhance_pixels(pixels, model, model.spec, 10_000)
    tiled = enhance_pixels(pixels, model, model.spec, tile)
    difference = np.abs(whole.astype(int) - tiled)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


@pytest.mark.parametrize("entry", entries(), ids=lambda e: e.name)
def test_shipped_models_tile_exactly_and_enlarge_faithfully(entry: object) -> None:
    model = open_model(entry.file, "cpu")
    pixels = picture(75, 82)
    whole = enhance_pixels(pixels, model, model.spec, 10_000)
    difference = np.abs(whole.astype(int) - enhance_pixels(pixels, model, model.spec, 32))
    assert difference.max() <= 1
    assert whole.shape == (75 * model.spec.scale, 82 * model.spec.scale, 3)
    if model.spec.scale > 1:  # reduced again it is the picture it came from
        again = resize(whole, 1 / model.spec.scale)
        # Those for photos also take off the picture's noise, whose mean absolute value is 4.8.
        assert np.abs(again.astype(int) - pixels).mean() < (4.8 if entry.name.startswith("photo-") else 1)


def around(batch: np.ndarray) -> np.ndarray:
    """The mean over 3 x 3 pixels, with zeros around the input, as a convolution sees it."""
    padded = np.pad(batch, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return sum(padded[..., i : i + batch.shape[2], j : j + batch.shape[3]] for i in range(3) for j in range(3)) / 9


def test_a_halo_too_small_shows() -> None:
    """The test above can fail: without the halo the seams differ."""
    pixels = picture(64, 64)
    whole = enhance_pixels(pixels, around, ModelSpec(scale=1, halo=1), 1000)
    np.testing.assert_array_equal(whole, enhance_pixels(pixels, around, ModelSpec(scale=1, halo=1), 20))
    assert (whole != enhance_pixels(pixels, around, ModelSpec(scale=1, halo=0), 20)).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (41, 26)])
@pytest.mark.parametrize(
    "needs", [{}, {"multiple": 2}, {"minimum": 24}, {"multiple": 4, "minimum": 40}, {"shape": (1, 24, 16)}]
)
@pytest.mark.parametrize("tile", [12, 1000])
def test_a_border_is_mirrored_and_cut_off_again(size: tuple[int, int], needs: dict, tile: int) -> None:
    """As numpy pads the whole picture, whatever the tiles; no zeros of the network's own reach the result."""
    spec, pixels = ModelSpec(scale=1, halo=1, border=4, **needs), picture(*size)
    wide = np.pad(pixels, ((4, 4), (4, 4), (0, 0)), mode="symmetric").transpose(2, 0, 1)[None] / np.float32(255)
    expected = np.rint(around(wide)[0, :, 4:-4, 4:-4].transpose(1, 2, 0) * 255)
    np.testing.assert_allclose(enhance_pixels(pixels, around, spec, tile), expected, atol=1)
    white = np.full((*size, 3), 255, np.uint8)
    np.testing.assert_array_equal(enhance_pixels(white, around, spec, tile), white)
    assert enhance_pixels(white, around, spec.but(border=0), 1000).min() < 200, "without one the zeros show"


def test_a_border_fits_the_network() -> None:
    with pytest.raises(ValueError, match=r"border \(4\) must be a multiple of 8"):
        ModelSpec(scale=1, halo=8, multiple=8, border=4)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 2), (17, 33)])
@pytest.mark.parametrize(("multiple", "minimum"), [(1, 1), (4, 1), (8, 24)])
def test_every_size(size: tuple[int, int], multiple: int, minimum: int) -> None:
    spec = ModelSpec(scale=3, halo=2, multiple=multiple, minimum=minimum)
    seen = []

    def network(batch: np.ndarray) -> np.ndarray:
        seen.append(batch.shape[2:])
        return nearest(3)(batch)

    pixels = picture(*size)
    out = enhance_pixels(pixels, network, spec, 16)
    np.testing.assert_array_equal(out, pixels.repeat(3, axis=0).repeat(3, axis=1))
    assert all(h % multiple == 0 and w % multiple == 0 and min(h, w) >= minimum for h, w in seen)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_ranges(low: float, high: float) -> None:
    pixels = picture(12, 12)
    spec = ModelSpec(scale=1, halo=0, low=low, high=high)
    seen = []
    out = enhance_pixels(pixels, lambda b: (seen.append((b.min(), b.max())), b)[1], spec)
    np.testing.assert_array_equal(out, pixels)
    assert low <= seen[0][0] < seen[0][1] <= high


def test_values_beyond_the_range_are_clipped() -> None:
    out = enhance_pixels(picture(8, 8), lambda b: b * 100 - 20, ModelSpec(scale=1, halo=0))
    assert set(np.unique(out)) <= {0, 255} | set(range(256))
    assert out.max() == 255


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ModelError, match="NaN or infinite"):
        enhance_pixels(picture(8, 8), lambda b: b * np.nan, ModelSpec(scale=1, halo=0))


def test_a_wrong_scale_is_told() -> None:
    with pytest.raises(ModelError, match="--spec scale=N"):
        enhance_pixels(picture(8, 8), nearest(2), ModelSpec(scale=4, halo=0))
