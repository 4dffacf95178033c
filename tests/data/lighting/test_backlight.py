"""Synthetic backlight: the shade is darker by the drawn number of stops, highlights clip, and colors stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from restore.data.lighting.backlight import Backlight, backlit, guided_filter, shade
from restore.data.sampling import generator
from restore.imaging.color.conversions import to_linear
from tests.data.lighting.test_scenes import photo


def light(pixels: np.ndarray) -> np.ndarray:
    return to_linear(pixels.astype(np.float32) / 255)


def test_the_shade_is_darker_by_the_stops_and_the_rest_brighter() -> None:
    options = Backlight.plain().model_copy(update={"stops": (2.0, 2.0), "glare": (0.5, 0.5)})
    gray = np.full((200, 200, 3), 100, np.uint8)
    made = backlit(gray, options, generator(0, 3))
    ratios = np.log2(light(made) / light(gray))
    assert ratios.min() == pytest.approx(-2, abs=0.15)
    assert ratios.max() == pytest.approx(0.5, abs=0.05)
    mask = shade(gray.astype(np.float32) / 255, options, after_the_stops(generator(0, 3)))
    np.testing.assert_allclose(ratios[..., 1], 0.5 - 2.5 * mask, atol=0.12)


def after_the_stops(draw: np.random.Generator) -> np.random.Generator:
    draw.uniform(0, 1, 2)
    return draw


def test_dark_things_are_in_the_shade_first_and_its_share_is_as_drawn() -> None:
    values = photo(1).astype(np.float32) / 255
    options = Backlight(share=(0.5, 0.5), dark_first=1.0, low_first=0)
    masks = [shade(values, options, generator(0, i)) for i in range(5)]
    for mask in masks:
        assert mask.mean() == pytest.approx(0.5, abs=0.1)
        assert values[mask > 0.5].mean() < values[mask <= 0.5].mean()


def test_what_passes_white_is_lost() -> None:
    bright = np.full((60, 60, 3), 240, np.uint8)
    made = backlit(bright, Backlight(glare=(1, 1), untouched=0), generator(0, 0))
    assert (made == 255).all(axis=2).any()


def test_noise_is_in_the_shade_and_color_stays_without_a_cast() -> None:
    gray = np.full((200, 200, 3), 120, np.uint8)
    quiet = backlit(gray, Backlight.plain(), generator(1, 1))
    assert (quiet.max(axis=2) == quiet.min(axis=2)).all()
    noisy = backlit(gray, Backlight(stops=(4, 4), cast=0, untouched=0, read_noise=(0.002, 0.002)), generator(1, 1))
    quiet = backlit(gray, Backlight.plain().model_copy(update={"stops": (4, 4)}), generator(1, 1))
    error = np.abs(noisy.astype(int) - quiet).mean(axis=2)
    darkest, brightest = (np.quantile(quiet, q) for q in (0.2, 0.8))
    assert error[quiet[..., 0] <= darkest].mean() > 1.5 * error[quiet[..., 0] >= brightest].mean()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31), st.sampled_from(["noise", "black", "white"]))
def test_any_picture_and_the_same_again(height: int, width: int, seed: int, kind: str) -> None:
    pixels = {
        "noise": np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8),
        "black": np.zeros((height, width, 3), np.uint8),
        "white": np.full((height, width, 3), 255, np.uint8),
    }[kind]
    made = backlit(pixels, Backlight(), generator(seed, 0))
    assert (made.shape, made.dtype) == (pixels.shape, np.uint8)
    np.testing.assert_array_equal(made, backlit(pixels, Backlight(), generator(seed, 0)))


def test_the_guided_filter_keeps_the_guides_edges_and_is_the_papers() -> None:
    rng = np.random.default_rng(0)
    guide = np.repeat(np.float32([[0.1] * 20 + [0.9] * 20]), 40, axis=0)
    picture = (guide + rng.normal(0, 0.1, guide.shape)).astype(np.float32)
    smooth = guided_filter(picture, guide, 4)
    assert smooth[:, :20].std() < 0.3 * picture[:, :20].std()
    assert smooth[:, 20].mean() - smooth[:, 19].mean() > 0.7
    # In plain loops, in the middle of the picture.
    r, e, y, x = 2, 1e-3, 11, 13
    guide = rng.random((24, 24)).astype(np.float32)
    picture = rng.random((24, 24)).astype(np.float32)

    def line(j: int, i: int) -> tuple[float, float]:
        g, p = (a[j - r : j + r + 1, i - r : i + r + 1].astype(np.float64) for a in (guide, picture))
        slope = ((g * p).mean() - g.mean() * p.mean()) / (g.var() + e)
        return slope, p.mean() - slope * g.mean()

    lines = [line(j, i) for j in range(y - r, y + r + 1) for i in range(x - r, x + r + 1)]
    slope, offset = np.mean(lines, axis=0)
    assert guided_filter(picture, guide, r, e)[y, x] == pytest.approx(slope * guide[y, x] + offset, abs=1e-4)


def test_options_are_checked() -> None:
    with pytest.raises(ValidationError, match="from the smaller to the larger"):
        Backlight(stops=(3, 1))
    with pytest.raises(ValidationError, match="must be between 0 and 1"):
        Backlight(share=(0.5, 1.5))


def test_some_photographs_stay_as_they_are() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    alike = [np.array_equal(backlit(photo, Backlight(untouched=0.4), generator(0, n)), photo) for n in range(60)]
    assert 12 <= sum(alike) <= 36
    assert not any(np.array_equal(backlit(photo, Backlight(untouched=0), generator(0, n)), photo) for n in range(20))
