"""Plots of training curves, from the ``log.jsonl`` of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import DataError
from restore.training.validation_metric import find_metric
from restore.utils.json_text import parse_json
from restore.utils.json_types import JsonObject
from restore.utils.plotting import new_figure, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Log:
    """The log of a run.

    Attributes:
        name: name of the run's folder.
        losses: step and value of each loss, by name; ``loss`` is their weighted sum.
        metric: the validation metric; None if nothing was validated.
        validations: step and value of each validation.
        unchanged: the metric of the unchanged inputs, or of bicubic enlargement.
    """

    name: str
    losses: dict[str, list[tuple[int, float]]]
    metric: str | None
    validations: list[tuple[int, float]]
    unchanged: float | None


def read_log(folder: Path) -> Log:
    """Read the log of a run.

    If a run was killed and resumed from its last checkpoint, repeated steps count as they were done last.

    Raises:
        DataError: the folder has no log, or the file is not a log of ``restore train``.
    """
    path = folder / "log.jsonl"
    if not path.is_file():
        raise DataError(f"{folder}: no {path.name} here; give the folder of a run of restore train")
    losses: dict[str, dict[int, float]] = {}
    validations: dict[int, float] = {}
    metric = unchanged = None
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        try:
            row: JsonObject = parse_json(line)
            step = int(row["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}, line {number}: not a line that restore train writes") from error
        unchanged = row.get("unchanged", unchanged)
        for name, value in row.items():
            if "best" in row and name not in ("step", "best"):
                if name != metric:  # the run was resumed with another metric
                    validations.clear()
                metric = name
                validations[step] = value
            elif name.startswith("loss"):
                losses.setdefault(name.removeprefix("loss/"), {})[step] = value
    if not losses:
        raise DataError(f"{path}: empty so far; a run writes every 100 steps")
    ordered = {name: sorted(values.items()) for name, values in losses.items()}
    return Log(folder.resolve().name, ordered, metric, sorted(validations.items()), unchanged)


def plot(logs: Sequence[Log], suffix: str) -> bytes:
    """Plot losses, and validations if there are any, over the steps.

    Args:
        logs: one log, to show each of its losses, or several, to compare their total losses.
        suffix: one of :data:`restore.utils.plotting.FORMATS`.

    Returns:
        The bytes of the picture.
    """
    metrics = sorted({log.metric for log in logs if log.metric is not None})
    with new_figure(8, 2.8 * (1 + len(metrics))) as figure:
        axes: list[Axes] = list(figure.subplots(1 + len(metrics), 1, sharex=True, squeeze=False)[:, 0])
        for axis, metric in zip(axes, metrics, strict=False):
            _validations(axis, [log for log in logs if log.metric == metric], metric)
        _losses(axes[-1], logs)
        axes[-1].set_xlabel("step")
        return saved(figure, suffix)


def _validations(axis: Axes, logs: Sequence[Log], metric: str) -> None:
    for log in logs:
        steps, values = zip(*log.validations, strict=True)
        (line,) = axis.plot(steps, values, marker="o", markersize=3, label=log.name)
        if log.unchanged is not None:
            color = "gray" if len(logs) == 1 else line.get_color()
            axis.axhline(log.unchanged, color=color, linestyle="--", linewidth=1, label=f"{log.name}, unchanged")
    axis.set_ylabel(_label(metric))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


def _label(metric: str) -> str:
    """The label of a metric; its bare name if the package that added it is no longer installed."""
    try:
        return find_metric(metric).label
    except ValueError:
        return metric


def _losses(axis: Axes, logs: Sequence[Log]) -> None:
    for log in logs:
        parts = {name: values for name, values in log.losses.items() if name != "loss"}
        shown = parts if len(logs) == 1 and parts else {"loss": log.losses["loss"]}
        for name, values in shown.items():
            axis.plot(*zip(*values, strict=True), linewidth=1, label=name if len(logs) == 1 else log.name)
    if all(value > 0 for log in logs for values in log.losses.values() for _, value in values):
        axis.set_yscale("log")
    axis.set_ylabel("loss, before weighting" if len(logs) == 1 and len(logs[0].losses) > 1 else "loss")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
