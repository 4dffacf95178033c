"""Labels next to their points: none covers another, a point or the border, as long as there is room."""

from __future__ import annotations

import numpy as np
import pytest

from restore.utils.label_placement import place_labels

AREA = np.array([0.0, 0, 400, 300])
NONE = np.empty((0, 4))


def boxes_of(corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    return np.hstack([corners, corners + sizes])


def overlapping(boxes: np.ndarray) -> int:
    """How many pairs overlap."""
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:]) | (boxes[:, None, 2:] <= boxes[None, :, :2])
    return (int((~apart.any(axis=2)).sum()) - len(boxes)) // 2


def test_a_lone_label_is_to_the_right_of_its_point() -> None:
    (corner,) = place_labels(np.array([[100.0, 100]]), np.array([[40.0, 10]]), AREA, NONE, NONE)
    np.testing.assert_allclose(corner, [106, 95])


def test_at_the_border_it_lies_inside() -> None:
    (corner,) = place_labels(np.array([[395.0, 100]]), np.array([[40.0, 10]]), AREA, NONE, NONE)
    assert corner[0] + 40 <= 395


@pytest.mark.parametrize("seed", range(5))
def test_crowded_points_have_legible_labels(seed: int) -> None:
    """Ten points within the area of three labels."""
    draw = np.random.default_rng(seed)
    anchors = np.array([200.0, 150]) + draw.uniform(-25, 25, (10, 2))
    sizes = np.column_stack([draw.uniform(20, 60, 10), np.full(10, 11.0)])
    markers = np.hstack([anchors - 3, anchors + 3])
    boxes = boxes_of(place_labels(anchors, sizes, AREA, markers, NONE), sizes)
    assert overlapping(boxes) == 0
    everything = np.vstack([boxes, markers])
    assert overlapping(everything) == overlapping(markers), "a label covers a point"
    assert (boxes[:, :2] >= AREA[:2]).all()
    assert (boxes[:, 2:] <= AREA[2:]).all()


def test_a_line_is_avoided() -> None:
    anchor, size = np.array([[100.0, 100]]), np.array([[40.0, 10]])
    along = 100 + np.arange(0, 100, 4.0)
    line = np.column_stack([along - 2, np.full(25, 98.0), along + 2, np.full(25, 102.0)])
    (corner,) = place_labels(anchor, size, AREA, NONE, line)
    box = boxes_of(corner[None], size)
    assert overlapping(np.vstack([box, line])) == overlapping(line)


def test_without_room_there_is_still_a_place() -> None:
    anchors = np.full((3, 2), 5.0)
    corners = place_labels(anchors, np.full((3, 2), 50.0), np.array([0.0, 0, 10, 10]), NONE, NONE)
    assert np.isfinite(corners).all()
