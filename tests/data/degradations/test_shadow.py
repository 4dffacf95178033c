"""Shadows take a share of the light, in linear light, under a soft mask."""

from __future__ import annotations

import numpy as np
import pytest

from restore.data.degradations.shadow import Shadow, remaining, shaded, shadow_mask
from restore.data.sampling import generator
from restore.imaging.color.conversions import to_linear
from tests.conftest import picture
from tests.data.degradations.test_fields import scene

CERTAIN = {"probability": 1}
ONE = {"polygon": 0, "blob": 0, "leaves": 0}


def test_the_share_of_each_pixel_is_that_of_the_formula() -> None:
    draw = generator(0, 0)
    light, mask, left = draw.random((5, 6, 3)), draw.random((5, 6)), np.array([0.2, 0.3, 0.4])
    expected = [
        [[light[i, j, c] * (mask[i, j] * left[c] + 1 - mask[i, j]) for c in range(3)] for j in range(6)]
        for i in range(5)
    ]
    np.testing.assert_allclose(shaded(light, mask, left), expected)


def test_the_ratio_in_linear_light_is_one_mask_in_all_channels() -> None:
    """Solve each channel for the mask: all three agree, whatever the picture shows."""
    image = np.clip(picture(60, 80, seed=2).astype(np.float32) / 255, 0.2, 0.6)
    options = Shadow(**CERTAIN, ambient=(0.3, 0.3), blue=(0.2, 0.2))
    made = to_linear(options(image, generator(1, 0)).astype(np.float64)) / to_linear(image.astype(np.float64))
    left = 0.3 * np.array([0.9, 1.0, 1.1])
    masks = (1 - made) / (1 - left)
    np.testing.assert_allclose(masks[..., 0], masks[..., 1], atol=1e-4)
    np.testing.assert_allclose(masks[..., 2], masks[..., 1], atol=1e-4)
    assert masks.min() > -1e-4
    assert 0.5 < masks.max() < 1 + 1e-4


def test_nothing_changes_where_all_light_is_left() -> None:
    image = picture(40, 48).astype(np.float32) / 255
    full = Shadow(**CERTAIN, ambient=(1, 1), blue=(1e-9, 1e-9))
    np.testing.assert_allclose(full(image, generator(2, 0)), image, atol=1e-5)


def test_shadows_darken_and_are_bluish() -> None:
    image = np.full((80, 90, 3), 0.5, np.float32)
    image[::2] = 0.1  # no sky
    for number in range(8):
        made = Shadow(**CERTAIN)(image, generator(3, number))
        assert (made <= image + 1e-6).all()
        dark = made[..., 1] < image[..., 1] - 0.02
        assert (made[dark][:, 2] >= made[dark][:, 0]).all()


@pytest.mark.parametrize("shape", ["polygon", "blob", "leaves"])
def test_masks_are_soft_and_cover_a_part(shape: str) -> None:
    options = Shadow(shapes={**ONE, shape: 1}, penumbra=(0.02, 0.02), count=(1, 1))
    shares = []
    for number in range(20):
        mask = shadow_mask(120, 160, options, generator(4, number))
        assert mask.shape == (120, 160)
        assert mask.min() >= 0
        assert mask.max() <= 1
        steps = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
        assert steps < 0.45, "no hard edge"
        shares.append(mask.mean())
    assert 0.05 < np.mean(shares) < 0.8
    assert np.std(shares) > 0.02


def test_a_wide_penumbra_is_softer() -> None:
    def steepest(width: float) -> float:
        options = Shadow(shapes={**ONE, "polygon": 1}, penumbra=(width, width), count=(1, 1))
        masks = [shadow_mask(120, 160, options, generator(5, number)) for number in range(8)]
        return float(np.mean([np.abs(np.diff(mask, axis=1)).max() for mask in masks]))

    assert steepest(0.05) < 0.5 * steepest(0.005)


def test_the_sky_gets_no_shadow() -> None:
    image = scene()
    for number in range(6):
        made = Shadow(**CERTAIN, count=(3, 3))(image, generator(6, number))
        np.testing.assert_allclose(made[:50], image[:50], atol=0.03)


def test_the_light_that_is_left_follows_its_options() -> None:
    for number in range(20):
        left = remaining(Shadow(ambient=(0.2, 0.6), blue=(0.1, 0.2)), generator(7, number))
        assert 0.2 <= left[1] <= 0.6
        assert 0.1 <= (left[2] - left[0]) / left[1] <= 0.2 + 1e-6
