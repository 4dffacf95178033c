"""What the shipped model that takes photo filters off does with pictures that everybody has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.data.filters.library import blend, find_filter
from restore.data.filters.options import DEFAULT_NAMES, NO_FILTER
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.model import Model, open_model
from tests.zoo.shipped import files, kind, made_by

# These leave no colors, and nothing brings them back.
GRAY = ("inkwell", "moon", "willow")


@pytest.fixture(scope="module", params=files("unfilter"), ids=kind)
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(request.param, "cpu")


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    found = [read_rgb8(path) for path in sorted(p for p in Path("samples").rglob("*") if p.suffix in (".jpg", ".png"))]
    return [cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for x in found]


def test_filters_come_off(model: Model, photos: list[np.ndarray]) -> None:
    gains = {}
    for name in set(DEFAULT_NAMES) - set(GRAY):
        pairs = [(find_filter(name)(photo), photo) for photo in photos]
        gains[name] = np.mean([psnr(made_by(model, under), photo) - psnr(under, photo) for under, photo in pairs])
    assert np.mean(list(gains.values())) > 8, gains
    # It leaves alone what changes little, where an error costs more than it is worth: the card says so.
    assert min(gains.values()) > -0.3, gains
    assert min(gain for name, gain in gains.items() if name not in ("perpetua", "hudson", "maven")) > 2, gains


def test_it_says_which_filter_it_was(model: Model, photos: list[np.ndarray]) -> None:
    believed = [(name, model.believe(find_filter(name)(photo))) for name in DEFAULT_NAMES for photo in photos]
    assert {*DEFAULT_NAMES, NO_FILTER} == set(model.spec.kinds)
    right = [belief is not None and belief.kind == name for name, belief in believed]
    assert np.mean(right) > 0.6


def test_what_has_no_filter_changes_little(model: Model, photos: list[np.ndarray]) -> None:
    assert min(psnr(made_by(model, photo), photo) for photo in photos) > 50


def test_half_a_filter_comes_off_too(model: Model, photos: list[np.ndarray]) -> None:
    gains = []
    for number, name in enumerate(sorted(set(DEFAULT_NAMES) - set(GRAY))):
        photo = photos[number % len(photos)]
        under = blend(photo, find_filter(name)(photo), 0.5)
        gains.append(psnr(made_by(model, under), photo) - psnr(under, photo))
    assert np.mean(gains) > 0


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_give_numbers(model: Model, value: int) -> None:
    made = made_by(model, np.full((90, 120, 3), value, np.uint8))
    assert made.shape == (90, 120, 3)
    assert np.ptp(made.astype(int), axis=(0, 1)).max() <= 64, "what is even stays nearly so"
