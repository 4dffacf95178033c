"""Draw the perception-distortion plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from restore.errors import DataError
from restore.evaluation.plane import Plane, PlanePoint, drawable, front
from restore.metrics.pirm import REGIONS
from restore.metrics.registry import METRICS
from restore.utils.label_placement import Floats, place_labels
from restore.utils.plotting import MARKERS, PALETTE, new_figure, saved

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

_GRAY = "#6b6b6b"
# Side of a marker, and of the boxes along a line that labels avoid, in points.
_MARKER, _LINE = 8.0, 4.0
# Longest name in the plot; the whole one is in the JSON.
_LONGEST = 32


def draw_plane(plane: Plane, suffix: str) -> bytes:
    """Plot perception over distortion: a point for each method, and a line through the strengths of a model.

    Each pair of metrics has a panel of its own. Methods that another one beats on both axes are hollow. Where the
    distortion is PIRM's RMSE, the challenge's regions are marked.

    Args:
        plane: what to draw.
        suffix: ``.svg``, ``.png`` or ``.pdf``.

    Returns:
        The bytes of the picture.

    Raises:
        DataError: no method has a finite value on both axes.
        ModuleNotFoundError: matplotlib is not installed.
    """
    rows, columns = len(plane.perception), len(plane.distortion)
    with new_figure(7 * columns, 5 * rows) as figure:
        axes = figure.subplots(rows, columns, squeeze=False)
        labels: list[tuple[Axes, list[Annotation], list[PlanePoint], str, str]] = []
        for row, y in enumerate(plane.perception):
            for column, x in enumerate(plane.distortion):
                points = drawable(plane.points, x, y)
                if not points:
                    raise DataError(
                        f"no method has both a finite {METRICS[x].title} and a finite {METRICS[y].title}: "
                        "are the results the references themselves?"
                    )
                axis = axes[row, column]
                labels.append((axis, _panel(axis, plane, points, x, y), points, x, y))
        figure.suptitle(plane.data, fontsize="medium", parse_math=False)
        if any(len(front(points, x, y)) < len(points) for _, _, points, x, y in labels):
            figure.supxlabel("hollow: another one is better on both axes", fontsize="small", color=_GRAY)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # labels are placed for the axes as they are now
        for axis, texts, points, x, y in labels:
            _place(figure, axis, texts, points, x, y)
        return saved(figure, suffix)


def _panel(axis: Axes, plane: Plane, points: Sequence[PlanePoint], x: str, y: str) -> list[Annotation]:
    """Draw one pair of metrics without its labels' places; returns the label of each point."""
    best = set(front(points, x, y))
    models = list(dict.fromkeys(point.model for point in plane.points if point.method != plane.baseline))
    texts = []
    for model in dict.fromkeys(point.model for point in points):
        own = [point for point in points if point.model == model]
        number = models.index(model) if model in models else None
        color = _GRAY if number is None else PALETTE[number % len(PALETTE)]
        marker = "x" if number is None else MARKERS[number % len(MARKERS)]
        axis.plot([p.values[x] for p in own], [p.values[y] for p in own], "-", color=color, linewidth=1.2, zorder=2)
        for point in own:
            place = point.values[x], point.values[y]
            face = color if point.method in best else "white"
            axis.plot(*place, marker, color=color, markerfacecolor=face, markersize=_MARKER * 0.85, zorder=3)
            texts.append(axis.annotate(_label(point, own), place, fontsize=9, parse_math=False))
            texts[-1].set_in_layout(False)  # it has no place yet
    axis.margins(0.16)
    axis.set_xlabel(_direction(x, "distortion"))
    axis.set_ylabel(_direction(y, "perception"))
    axis.grid(alpha=0.3)
    _point_to_better(axis, x, y)
    if x == "pirm-rmse":
        _mark_regions(axis)
    return texts


def _label(point: PlanePoint, own: Sequence[PlanePoint]) -> str:
    """The name at a model's first point, and the strength at the others."""
    name = point.model if len(point.model) <= _LONGEST else f"{point.model[: _LONGEST - 1]}…"
    if point.strength is None:
        return name
    return f"{name}, strength {point.strength:g}" if point is own[0] else f"{point.strength:g}"


def _direction(name: str, kind: str) -> str:
    """The label of an axis, with an arrow to its better end; a vertical one is read upward."""
    metric = METRICS[name]
    title = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
    return f"{kind}: {title}, higher is better →" if metric.higher_is_better else f"← {kind}: {title}, lower is better"


def _point_to_better(axis: Axes, x: str, y: str) -> None:
    """An arrow into the corner that is better on both axes; the margins keep it free of points."""
    right, up = METRICS[x].higher_is_better, METRICS[y].higher_is_better
    axis.annotate(
        "better",
        xy=(0.985 if right else 0.015, 0.98 if up else 0.02),
        xytext=(0.87 if right else 0.13, 0.91 if up else 0.09),
        xycoords="axes fraction",
        textcoords="axes fraction",
        ha="center",
        va="center",
        fontsize=9,
        color=_GRAY,
        zorder=1,
        arrowprops={"arrowstyle": "->", "color": _GRAY},
    )


def _mark_regions(axis: Axes) -> None:
    """The bounds of PIRM's regions that are in view, and the regions' names between them."""
    left, right = axis.get_xlim()
    for bound in REGIONS:
        if left < bound < right:
            axis.axvline(bound, color=_GRAY, linestyle=":", linewidth=1, zorder=1)
    for number, (low, high) in enumerate(zip((0.0, *REGIONS[:-1]), REGIONS, strict=True), 1):
        low, high = max(low, left), min(high, right)
        if high - low > 0.05 * (right - left):
            across = axis.get_xaxis_transform()
            name = f"region {number}"
            axis.text((low + high) / 2, 1.01, name, transform=across, ha="center", color=_GRAY, fontsize=8)
    axis.set_xlim(left, right)


def _place(
    figure: Figure, axis: Axes, texts: Sequence[Annotation], points: Sequence[PlanePoint], x: str, y: str
) -> None:
    """Move the labels of a panel to where they cover neither points nor each other, with a line to those far away."""
    to_points = 72 / figure.dpi
    anchors: Floats = axis.transData.transform([(p.values[x], p.values[y]) for p in points]) * to_points
    boxes = _boxes(texts) * to_points
    sizes = boxes[:, 2:] - boxes[:, :2] + 2
    (bounds,) = _boxes([axis]) * to_points
    better = _boxes([text for text in axis.texts if text not in texts]) * to_points
    markers = np.hstack([anchors - _MARKER / 2, anchors + _MARKER / 2])
    corners = place_labels(anchors, sizes, bounds, np.vstack([markers, better]), _along(anchors, points))
    for text, anchor, corner, size in zip(texts, anchors, corners, sizes, strict=True):
        text.set_position(tuple(corner + 1 - anchor))
        text.anncoords = "offset points"
        nearest = np.clip(anchor, corner, corner + size)
        if np.hypot(*(nearest - anchor)) > 2 * _MARKER:
            ends = axis.transData.inverted().transform(np.stack([anchor, nearest]) / to_points)
            axis.plot(*ends.T, "-", color=_GRAY, linewidth=0.6, zorder=1.5, scalex=False, scaley=False)


def _boxes(drawn: Sequence[Artist]) -> Floats:
    """Left, bottom, right and top of what is drawn, in pixels, (n, 4)."""
    return np.array([one.get_window_extent().extents for one in drawn], dtype=np.float64)


def _along(anchors: Floats, points: Sequence[PlanePoint]) -> Floats:
    """Small boxes along the lines through the points of each model, (k, 4)."""
    found = [np.empty((0, 4))]
    for number in range(1, len(points)):
        if points[number].model != points[number - 1].model:
            continue
        start, stop = anchors[number - 1], anchors[number]
        steps = max(2, int(np.hypot(*(stop - start)) / _LINE))
        centers = start + np.linspace(0, 1, steps)[:, None] * (stop - start)
        found.append(np.hstack([centers - _LINE / 2, centers + _LINE / 2]))
    return np.vstack(found)
