"""How good models are against how fast they are: a picture of what two commands measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restore.errors import DataError
from restore.utils.plotting import new_figure, saved


@dataclass(frozen=True)
class Point:
    """A model on a device.

    Attributes:
        model: its name, as both files have it.
        device: where it ran.
        speed: megapixels of results in a second.
        quality: the mean of the metric.
        interval: of that mean.
    """

    model: str
    device: str
    speed: float
    quality: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Tradeoff:
    """What is drawn.

    Attributes:
        points: at least one.
        title: of the metric, with its unit.
        data: what it was measured on.
        baseline: what is to be beaten, and its mean; None where there was nothing.
    """

    points: tuple[Point, ...]
    title: str
    data: str
    baseline: tuple[str, float] | None


def read_tradeoff(quality: Path, speed: Path, metric: str | None = None) -> Tradeoff:
    """Join what was measured.

    Args:
        quality: what ``restore evaluate --json`` wrote.
        speed: what ``restore bench --json`` wrote; of the precisions of a model the one that was measured counts.
        metric: of those that were measured; None for the first.

    Raises:
        DataError: a file is not what it should be, or no model is in both.
    """
    told, timed = _object(quality, "evaluate", "average"), _object(speed, "bench", "rows")
    try:
        metrics: dict[str, Any] = told["metrics"]
        name = metric or next(iter(metrics))
        if name not in metrics:
            raise DataError(f"{quality}: no {name} in it; it has {', '.join(metrics)}")
        rows = [row for row in timed["rows"] if not row["error"]]
        points = []
        for model, values in told["average"]["methods"].items():
            precision = told["precisions"].get(model)
            own = [row for row in rows if model in (row["model"], row["name"]) and row["precision"] == precision]
            for row in own:
                low, high = told["intervals"][model][name]
                points.append(Point(model, row["ran_on"], row["output_rate"], values[name], (low, high)))
        title, unit = metrics[name]["title"], metrics[name]["unit"]
        base = told["baseline"]
        beaten = None if base is None else (base, float(told["average"]["baseline"][name]))
        data = str(told["data"])
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise DataError(
            f"{quality}, {speed}: not what restore evaluate --json and restore bench --json write"
        ) from error
    if not points:
        raise DataError(f"no model is in both {quality} and {speed}: give the same --model to evaluate and to bench")
    return Tradeoff(tuple(points), f"{title}, {unit}" if unit else title, data, beaten)


def _object(file: Path, command: str, key: str) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict) or key not in found:
        raise DataError(f"{file}: not what restore {command} --json writes")
    return found


def draw_tradeoff(tradeoff: Tradeoff, suffix: str) -> bytes:
    """Quality over speed, a mark for each model and device; the bytes of a ``.svg``, ``.png`` or ``.pdf``."""
    with new_figure(7, 4.5) as figure:
        axis = figure.subplots()
        for device in dict.fromkeys(point.device for point in tradeoff.points):
            own = [point for point in tradeoff.points if point.device == device]
            x, y = [point.speed for point in own], [point.quality for point in own]
            reach = [[p.quality - p.interval[0] for p in own], [p.interval[1] - p.quality for p in own]]
            axis.errorbar(x, y, yerr=reach, fmt="o", capsize=3, linewidth=1, label=device)
            for point in own:
                label = point.model.replace("\\", "/").rpartition("/")[2].removesuffix(".onnx")
                axis.annotate(label, (point.speed, point.quality), (6, 6), textcoords="offset points")
        if tradeoff.baseline is not None:
            name, value = tradeoff.baseline
            axis.axhline(value, color="gray", linestyle="--", linewidth=1, label=name)
        axis.set_xscale("log")
        axis.margins(x=0.25)
        for ticks in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
            ticks("{x:g}")
        axis.set_xlabel("megapixels of results in a second")
        axis.set_ylabel(tradeoff.title)
        axis.set_title(tradeoff.data, fontsize="medium")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize="small")
        return saved(figure, suffix)
