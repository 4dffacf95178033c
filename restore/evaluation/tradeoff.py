"""Plot quality against speed from the JSON of ``restore evaluate`` and ``restore bench``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.utils.json_text import parse_json
from restore.utils.json_types import JsonObject
from restore.utils.plotting import new_figure, saved


@dataclass(frozen=True)
class Point:
    """A model on a device.

    Attributes:
        model: its name in both files.
        device: where it ran.
        speed: output megapixels per second.
        quality: the mean of the metric.
        interval: confidence interval of that mean.
    """

    model: str
    device: str
    speed: float
    quality: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Tradeoff:
    """Content of the plot.

    Attributes:
        points: at least one.
        title: of the metric, with its unit.
        data: what it was measured on.
        baseline: name and mean of the baseline; None if there is none.
    """

    points: tuple[Point, ...]
    title: str
    data: str
    baseline: tuple[str, float] | None


def read_tradeoff(quality: Path, speed: Path, metric: str | None = None) -> Tradeoff:
    """Join the measurements of quality and speed.

    Args:
        quality: output of ``restore evaluate --json``.
        speed: output of ``restore bench --json``; only the precision measured by ``evaluate`` is used for each model.
        metric: one of the measured metrics; None for the first.

    Raises:
        DataError: a file is not such an output, or no model is in both.
    """
    scored, timed = _object(quality, "evaluate", "average"), _object(speed, "bench", "rows")
    try:
        metrics: JsonObject = scored["metrics"]
        name = metric or next(iter(metrics))
        if name not in metrics:
            raise DataError(f"{quality}: has no {name}, only {', '.join(metrics)}")
        rows = [row for row in timed["rows"] if not row["error"]]
        points = []
        for model, values in scored["average"]["methods"].items():
            precision = scored["precisions"].get(model)
            own = [row for row in rows if model in (row["model"], row["name"]) and row["precision"] == precision]
            for row in own:
                low, high = scored["intervals"][model][name]
                points.append(Point(model, row["ran_on"], row["output_rate"], values[name], (low, high)))
        title, unit = metrics[name]["title"], metrics[name]["unit"]
        base = scored["baseline"]
        baseline = None if base is None else (base, float(scored["average"]["baseline"][name]))
        data = str(scored["data"])
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise DataError(
            f"{quality}, {speed}: not the output of restore evaluate --json and restore bench --json"
        ) from error
    if not points:
        raise DataError(f"no model is in both {quality} and {speed}: give the same --model to evaluate and to bench")
    return Tradeoff(tuple(points), f"{title}, {unit}" if unit else title, data, baseline)


def _object(file: Path, command: str, key: str) -> JsonObject:
    try:
        found = parse_json(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict) or key not in found:
        raise DataError(f"{file}: not the output of restore {command} --json")
    return found


def draw_tradeoff(tradeoff: Tradeoff, suffix: str) -> bytes:
    """Plot quality over speed, a point per model and device; returns the bytes of a ``.svg``, ``.png`` or ``.pdf``."""
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
        axis.set_xlabel("output megapixels per second")
        axis.set_ylabel(tradeoff.title)
        axis.set_title(tradeoff.data, fontsize="medium")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize="small")
        return saved(figure, suffix)
