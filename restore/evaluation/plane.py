"""The perception-distortion plane: how faithful results are against how natural they look.

Blau and Michaeli, "The perception-distortion tradeoff", 2018: below a bound, no method can be better in both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from restore.evaluation.comparison import Comparison
from restore.metrics.registry import METRICS
from restore.utils.json_types import JsonObject


@dataclass(frozen=True)
class PlanePoint:
    """A method on the plane.

    Attributes:
        method: its name in the comparison.
        model: the name it shares with its other strengths.
        strength: of the model, 0..1; None if it has none.
        values: the mean by metric, in the metric's unit; NaN or infinite where it has none.
    """

    method: str
    model: str
    strength: float | None
    values: Mapping[str, float]


@dataclass(frozen=True)
class Plane:
    """Content of the plot.

    Attributes:
        distortion: names of the metrics of the horizontal axes, at least one.
        perception: names of the metrics of the vertical axes, at least one.
        data: what was measured.
        baseline: name of a point that the others are compared with, if any.
        points: at least one, each model's in order of strength.
    """

    distortion: tuple[str, ...]
    perception: tuple[str, ...]
    data: str
    baseline: str | None
    points: tuple[PlanePoint, ...]


def plane_of(found: Comparison) -> Plane:
    """The plane of a comparison that measured metrics of both kinds."""
    points = []
    for method in found.methods:
        setting = found.protocol.settings.get(method)
        values = {name: found.mean(method, name) for name in found.metrics}
        points.append(
            PlanePoint(method, setting.model if setting else method, setting.strength if setting else None, values)
        )
    distortion = tuple(name for name in found.metrics if METRICS[name].distortion)
    perception = tuple(name for name in found.metrics if not METRICS[name].distortion)
    return Plane(distortion, perception, found.protocol.data, found.baseline, tuple(points))


def drawable(points: Sequence[PlanePoint], x: str, y: str) -> list[PlanePoint]:
    """The points that have a finite value on both axes; equal pictures, for example, have an infinite PSNR."""
    return [point for point in points if math.isfinite(point.values[x]) and math.isfinite(point.values[y])]


def front(points: Sequence[PlanePoint], x: str, y: str) -> list[str]:
    """The methods that no other one beats: none is at least as good on both axes and better on one.

    Args:
        points: with finite values.
        x: metric of distortion.
        y: metric of perception.
    """
    places = {point.method: (_cost(point, x), _cost(point, y)) for point in points}
    return [
        method
        for method, (a, b) in places.items()
        if not any(c <= a and d <= b and (c, d) != (a, b) for c, d in places.values())
    ]


def _cost(point: PlanePoint, metric: str) -> float:
    return -point.values[metric] if METRICS[metric].higher_is_better else point.values[metric]


def plane_json(plane: Plane) -> JsonObject:
    """The plane for JSON: its axes, its points, and for each pair of axes the methods that no other one beats."""
    pairs = [(x, y) for y in plane.perception for x in plane.distortion]
    return {
        "distortion": list(plane.distortion),
        "perception": list(plane.perception),
        "points": [
            {
                "method": point.method,
                "model": point.model,
                "strength": point.strength,
                "values": {name: value if math.isfinite(value) else None for name, value in point.values.items()},
            }
            for point in plane.points
        ],
        "unbeaten": [
            {"distortion": x, "perception": y, "methods": front(drawable(plane.points, x, y), x, y)} for x, y in pairs
        ],
    }
