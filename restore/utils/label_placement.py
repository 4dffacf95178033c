"""Place labels next to points so that they cover neither each other nor the points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Where a label may lie around its point, to the right first, as readers expect it.
_ANGLES = np.radians([0, 45, -45, 90, -90, 180, 135, -135, 22.5, -22.5, 67.5, -67.5, 112.5, -112.5, 157.5, -157.5])
# Distances from the point, in multiples of the gap.
_REACH = (1, 2, 3.5, 5.5, 8, 11, 15, 20)
# A covered label or point is worse than any number of covered lines, and those worse than any distance.
_HARD, _SOFT = 1e6, 1e3


def place_labels(
    anchors: Floats, sizes: Floats, bounds: Floats, points: Floats, lines: Floats, gap: float = 6
) -> Floats:
    """Choose a place for each label: the nearest one that covers nothing, label after label.

    Args:
        anchors: (n, 2), the points that are labeled.
        sizes: (n, 2), width and height of the labels, in the same unit.
        bounds: (4,), left, bottom, right and top of the area that labels must not leave.
        points: (m, 4), boxes of what must not be covered, as left, bottom, right, top.
        lines: (k, 4), boxes of what should not be covered.
        gap: from a point to its label.

    Returns:
        (n, 2), the left bottom corners. Where an area is too crowded for all labels, the least is covered.
    """
    taken = points.reshape(-1, 4)
    corners = np.empty_like(anchors, dtype=np.float64)
    for number, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        boxes, distance = _candidates(anchor, size, gap)
        outside = (boxes[:, :2] < bounds[:2]).any(axis=1) | (boxes[:, 2:] > bounds[2:]).any(axis=1)
        covered = _overlaps(boxes, taken) + outside
        cost = _HARD * covered + _SOFT * _overlaps(boxes, lines.reshape(-1, 4)) + distance
        best = boxes[np.argmin(cost)]
        corners[number] = best[:2]
        taken = np.vstack([taken, best])
    return corners


def _candidates(anchor: Floats, size: Floats, gap: float) -> tuple[Floats, Floats]:
    """Boxes (k, 4) around a point, and how far each is (k,): the nearest and most usual first."""
    way = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    # So that the point is next to the label's nearest corner or edge, whatever the direction.
    beside = anchor + np.sign(np.round(way, 9)) * size / 2
    found = [beside + gap * times * way for times in _REACH]
    centers = np.concatenate(found)
    order = np.arange(len(_ANGLES)) / len(_ANGLES)
    distance = np.concatenate([gap * times + gap * order for times in _REACH])
    return np.hstack([centers - size / 2, centers + size / 2]), distance


def _overlaps(boxes: Floats, others: Floats) -> NDArray[np.int64]:
    """How many of the others each box overlaps."""
    apart = (boxes[:, None, :2] >= others[None, :, 2:]) | (boxes[:, None, 2:] <= others[None, :, :2])
    count: NDArray[np.int64] = (~apart.any(axis=2)).sum(axis=1)
    return count
