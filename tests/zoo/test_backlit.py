"""What the shipped model of light does with pictures that everybody has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.data.lighting.backlight import Backlight, backlit
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.model import Model, open_model
from tests.conftest import picture
from tests.zoo.shipped import files, kind, made_by


@pytest.fixture(scope="module", params=files("backlit"), ids=kind)
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(request.param, "cpu")


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    """The samples, which are well lit, small."""
    found = [read_rgb8(path) for path in sorted(Path("samples").rglob("*.jpg"))]
    return [cv2.resize(x, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for x in found]


def test_what_is_backlit_is_made_by(model: Model, photos: list[np.ndarray]) -> None:
    gains = []
    for number, good in enumerate(photos * 3):
        dark = backlit(good, Backlight(untouched=0), np.random.default_rng(number))
        made = made_by(model, dark)
        assert made.mean() > dark.mean()
        gains.append(psnr(made, good) - psnr(dark, good))
    assert np.mean(gains) > 3


def test_what_is_well_lit_is_nearly_left_alone(model: Model, photos: list[np.ndarray]) -> None:
    """The samples are rather dark, and are lifted; as a photographer would have exposed them they stay."""
    for photo in photos:
        well_lit = np.round(255 * (photo / 255) ** 0.6).astype(np.uint8)
        assert np.abs(made_by(model, well_lit).astype(int) - well_lit).mean() < 1
        assert np.abs(made_by(model, photo).astype(int) - photo).mean() < 25


@pytest.mark.parametrize("value", [0, 255])
def test_black_stays_black_and_white_white(model: Model, value: int) -> None:
    made = made_by(model, np.full((90, 120, 3), value, np.uint8))
    assert np.abs(made.astype(int) - value).max() <= (0 if value == 0 else 10)


def test_gray_stays_gray(model: Model) -> None:
    dark = (picture(150, 200, 1) // 4).repeat(3, axis=2)
    made = made_by(model, dark).astype(int)
    assert (made.max(axis=2) - made.min(axis=2)).max() <= 1
    assert made.mean() > 1.2 * dark.mean()
