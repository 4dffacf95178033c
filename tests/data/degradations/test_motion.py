"""Motion blur is the mean of moved pictures in linear light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restore.data.degradations.highlights import brightened
from restore.data.degradations.motion import Layer, Motion, Path, camera_path, exposed, trajectory
from restore.data.sampling import generator
from restore.imaging.color.conversions import to_linear
from tests.conftest import picture

STILL = {"probability": 1, "length": (0, 0), "roll": (0, 0), "zoom": (0, 0), "objects": (0, 0), "highlights": (1, 1)}


def float_picture(height: int = 40, width: int = 48, seed: int = 0) -> np.ndarray:
    return picture(height, width, seed=seed).astype(np.float32) / 255


def still(count: int = 5) -> Path:
    return Path(*(np.zeros(count),) * 4)


def test_nothing_changes_without_motion() -> None:
    image = float_picture()
    np.testing.assert_allclose(Motion(**STILL)(image, generator(0, 0)), image, atol=2e-6)
    objects = Motion(**{**STILL, "objects": (3, 3), "speed": (0, 0)})
    np.testing.assert_allclose(objects(image, generator(0, 1)), image, atol=2e-6)


def test_whole_pixels_are_the_mean_of_shifted_pictures() -> None:
    """Beside numpy's own shifts, away from the border."""
    light = to_linear(float_picture())
    down, right = np.array([-2.0, 0, 1, 1]), np.array([3.0, 0, -1, -2])
    made = exposed(light, Path(down, right, np.zeros(4), np.zeros(4)), [])
    expected = np.mean([np.roll(light, (int(y), int(x)), (0, 1)) for y, x in zip(down, right, strict=True)], axis=0)
    np.testing.assert_allclose(made[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-6)


def test_the_camera_turns_and_zooms_around_the_middle() -> None:
    dots = np.zeros((61, 61, 3), np.float32)
    dots[30, 30] = dots[30, 50] = 1
    turned = exposed(dots, Path(np.zeros(1), np.zeros(1), np.array([np.pi / 2]), np.zeros(1)), [])
    assert turned[30, 30, 0] == pytest.approx(1, abs=1e-3)
    assert max(turned[50, 30, 0], turned[10, 30, 0]) == pytest.approx(1, abs=1e-3)
    larger = exposed(dots, Path(np.zeros(1), np.zeros(1), np.zeros(1), np.array([0.5])), [])
    assert larger[30, 60, 0] == pytest.approx(1, abs=1e-3)


def test_light_is_averaged_and_not_its_encoding() -> None:
    image = np.zeros((61, 61, 3), np.float32)
    image[30, 30] = 0.9
    for number in range(4):
        made = Motion(**{**STILL, "length": (12, 12)})(image, generator(1, number))
        assert to_linear(made).sum() == pytest.approx(to_linear(image).sum(), rel=1e-3)
        y, x = np.mgrid[:61, :61] - 30
        light = to_linear(made)[..., 0] / to_linear(made)[..., 0].sum()
        assert [(light * y).sum(), (light * x).sum()] == pytest.approx([0, 0], abs=0.05), "nothing is shifted"


def test_an_even_picture_stays_even() -> None:
    even = np.full((50, 60, 3), 0.4, np.float32)
    for number in range(6):
        np.testing.assert_allclose(Motion(probability=1)(even, generator(2, number)), even, atol=1e-5)


@pytest.mark.parametrize("shake", [0.0, 1.0])
def test_a_path_has_its_length_and_its_mean_is_zero(shake: float) -> None:
    for number in range(10):
        down, right = trajectory(17.0, shake, generator(3, number))
        assert np.hypot(np.diff(down), np.diff(right)).sum() == pytest.approx(17)
        assert [down.mean(), right.mean()] == pytest.approx([0, 0], abs=1e-9)
        ends = np.hypot(down[-1] - down[0], right[-1] - right[0])
        if shake == 0:
            assert ends > 0.85 * 17, "nearly straight"


def test_a_shaking_camera_stays_nearer_to_where_it_began() -> None:
    def reach(shake: float) -> float:
        paths = [trajectory(30.0, shake, generator(4, number)) for number in range(60)]
        return float(np.mean([np.hypot(d[-1] - d[0], r[-1] - r[0]) for d, r in paths]))

    assert reach(1.0) < 0.8 * reach(0.0)


def test_frames_are_as_close_as_pixels() -> None:
    for number in range(20):
        path = camera_path(Motion(length=(30, 30), shake=0, roll=(1, 1), zoom=(0.05, 0.05)), 400, generator(5, number))
        assert np.hypot(np.diff(path.down), np.diff(path.right)).max() < 1.2
        assert 200 * (np.abs(np.diff(path.roll)).max() + np.abs(np.diff(path.zoom)).max()) < 1.2


def test_an_object_moves_in_front_of_what_is_still() -> None:
    """White moves over black by whole pixels; the ramp of its edge is the share of the exposure it was there."""
    light = np.zeros((20, 60, 3), np.float32)
    light[:, 25:35] = 1
    mask = light[..., 0].copy()
    right = np.array([-2.0, -1, 0, 1, 2])
    layer = Layer(mask, np.zeros_like(light), np.zeros(5), right)
    made = exposed(light, still(), [layer])[10, :, 0]
    np.testing.assert_allclose(made[23:28], [0.2, 0.4, 0.6, 0.8, 1.0], atol=1e-6)
    np.testing.assert_allclose(made[32:37], [1.0, 0.8, 0.6, 0.4, 0.2], atol=1e-6)
    assert made[:22].max() == made[38:].max() == 0


def test_objects_move_where_the_camera_is_still() -> None:
    image = cv2.GaussianBlur(float_picture(80, 96, seed=2), (0, 0), 1)
    changed = Motion(**{**STILL, "objects": (1, 1), "speed": (12, 12)})(image, generator(6, 1)) - image
    moved = np.abs(changed).max(axis=2) > 0.01
    assert 0.02 < moved.mean() < 0.98


def test_clipped_highlights_are_brighter_than_white_and_colors_are_not() -> None:
    image = np.array([[[1, 1, 1], [1, 1, 0.3], [0.5, 0.5, 0.5]]], np.float32)
    bright = brightened(image, 3.0)
    np.testing.assert_allclose(bright[0, 0], 3)
    np.testing.assert_allclose(bright[0, 1:], to_linear(image)[0, 1:])
