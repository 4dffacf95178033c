"""Haze is the law of scattering, in linear light."""

from __future__ import annotations

import numpy as np
import pytest

from restore.data.degradations.haze import Haze, air_light, scattered, scene_depth
from restore.data.sampling import generator
from restore.imaging.color.conversions import from_linear, to_linear
from tests.conftest import picture
from tests.data.degradations.test_fields import scene

CERTAIN = {"probability": 1, "patchy": 0}


def test_what_arrives_is_koschmieders_law_pixel_by_pixel() -> None:
    draw = generator(0, 0)
    light, t, air = draw.random((5, 7, 3)), draw.random((5, 7)), draw.random(3)
    expected = [
        [[t[i, j] * light[i, j, c] + (1 - t[i, j]) * air[c] for c in range(3)] for j in range(7)] for i in range(5)
    ]
    np.testing.assert_allclose(scattered(light, t, air), expected)


def test_a_picture_in_haze_is_the_law_in_linear_light() -> None:
    """With one depth everywhere: the curve from each value to each result, and no other."""
    options = Haze(**CERTAIN, transmission=(0.4, 0.4), light=(0.8, 0.8), tint=(0, 0), ramp=0, objects=0, smooth=0)
    image = picture(40, 50, seed=3).astype(np.float32) / 255
    image[:3] = np.linspace(0, 1, 50)[:, None]
    made = options(image, generator(1, 0))
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in image.astype(float).ravel()]
    mixed = [0.4 * v + 0.6 * 0.8 for v in linear]
    expected = [v * 12.92 if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in mixed]
    np.testing.assert_allclose(made.ravel(), expected, atol=2e-6)


def test_nothing_changes_where_all_light_arrives() -> None:
    clear = Haze(**CERTAIN, transmission=(1, 1))
    image = picture(64, 48, seed=1).astype(np.float32) / 255
    for number in range(4):
        np.testing.assert_allclose(clear(image, generator(2, number)), image, atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_results_lie_between_the_picture_and_the_air(seed: int) -> None:
    image, options = scene(), Haze(**CERTAIN, transmission=(0.2, 0.2), light=(0.6, 0.6), tint=(0, 0))
    light, made = to_linear(image), to_linear(options(image, generator(3, seed)))
    assert (made >= np.minimum(light, 0.6) - 1e-5).all()
    assert (made <= np.maximum(light, 0.6) + 1e-5).all()
    # The share of the air is at most that of the farthest point, and reached there.
    share = ((made - light) / (0.6 - light))[np.abs(light - 0.6) > 0.05]
    assert share.max() == pytest.approx(0.8, abs=2e-3)
    assert share.min() >= -1e-3


def test_more_haze_takes_more_contrast() -> None:
    image = scene()
    spreads = [
        np.mean([Haze(**CERTAIN, transmission=(t, t))(image, generator(4, n)).std() for n in range(8)])
        for t in (1.0, 0.6, 0.3, 0.1)
    ]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] < 0.75 * spreads[0]


@pytest.mark.parametrize("seed", range(6))
def test_the_sky_is_the_farthest_and_the_ground_recedes(seed: int) -> None:
    depth = scene_depth(scene(), Haze(objects=0, smooth=0), generator(5, seed))
    assert depth.min() >= 0
    assert depth.max() == pytest.approx(1)
    assert depth[:55].min() > 0.9
    ground = depth[64:, 100:].mean(axis=1)
    assert (np.diff(ground) < 0.02).all(), "nearer toward the bottom"
    assert ground[0] >= ground[-1]


def test_the_air_is_as_bright_and_blue_as_asked() -> None:
    for number in range(20):
        neutral = air_light(Haze(light=(0.5, 0.5), tint=(0, 0)), generator(6, number))
        np.testing.assert_allclose(neutral, 0.5, rtol=1e-6)
        blue = air_light(Haze(light=(0.5, 0.5), tint=(0.2, 0.2)), generator(6, number))
        assert blue.mean() == pytest.approx(0.5)
        assert blue[2] - blue[0] == pytest.approx(0.1, rel=0.05)


def test_drifting_fog_varies() -> None:
    gray = np.full((80, 90, 3), from_linear(np.float32(0.1)), np.float32)
    flat = {"probability": 1, "ramp": 0, "objects": 0, "smooth": 0, "transmission": (0.3, 0.3)}
    even, drifting = (Haze(**flat, patchy=patchy)(gray, generator(7, 3)) for patchy in (0, 1))
    assert np.ptp(even[..., 1]) < 1e-5
    assert np.ptp(drifting[..., 1]) > 0.05
