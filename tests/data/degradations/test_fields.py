"""Fields that degradations vary by: smooth, and along the edges of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from restore.data.degradations.fields import guided, segments, sky, smooth_field
from restore.data.sampling import generator


def scene() -> np.ndarray:
    """A blue sky above dark, rough ground, and a white house on it."""
    image = np.zeros((120, 160, 3), np.float32)
    image[:60] = (0.45, 0.6, 0.9)
    image[60:] = 0.25 + 0.2 * generator(0, 0).random((60, 160, 1), np.float32)
    image[70:110, 40:90] = 0.95
    return image


def test_sky_is_what_is_smooth_and_bright_and_reaches_the_top() -> None:
    found = sky(scene())
    assert found[:55].min() > 0.9
    assert found[66:].max() < 0.1, "neither the ground nor the white house"
    assert sky(scene()[::-1].copy())[:40].max() < 0.1, "a lake is no sky"


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (5, 3), (300, 200)])
def test_any_size(size: tuple[int, int]) -> None:
    image = generator(1, 0).random((*size, 3), np.float32)
    assert smooth_field(*size, 3, generator(1, 1)).shape == size
    assert sky(image).shape == segments(image, 9, generator(1, 2)).shape == size
    assert guided(image[..., 0], image, 4).shape == size


def test_a_smooth_field_fills_its_range_and_has_no_steps() -> None:
    field = smooth_field(100, 150, 4, generator(2, 0))
    assert 0 <= field.min() < 0.25
    assert 0.75 < field.max() <= 1
    assert max(np.abs(np.diff(field, axis=axis)).max() for axis in (0, 1)) < 0.12


def test_segments_keep_a_color_together() -> None:
    image = scene()
    regions = segments(image, 8, generator(3, 1))
    house, ground = regions[74:106, 44:86], regions[64:, 100:]
    assert set(np.unique(regions)) <= set(range(8))
    if set(np.unique(house)) & set(np.unique(ground)):
        pytest.fail("the house and the ground share a region")


def test_a_guided_field_takes_the_edges_of_the_picture() -> None:
    """A step that is four pixels off moves to the edge; on a flat picture, it only gets softer."""
    image = np.zeros((60, 80, 3), np.float32)
    image[:, 40:] = 1
    field = np.zeros((60, 80), np.float32)
    field[:, 44:] = 1
    followed = guided(field, image, 12)
    jump = np.abs(np.diff(followed[30]))
    assert jump.argmax() == 39
    assert jump[43] < 0.1 < jump[39]
    assert np.abs(np.diff(guided(field, np.full_like(image, 0.5), 12)[30])).max() < 0.1
