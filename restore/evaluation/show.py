"""Format a comparison as text, Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from restore.evaluation.comparison import Comparison
from restore.evaluation.interval import LEVEL, RESAMPLES, Interval
from restore.evaluation.plane import plane_json, plane_of
from restore.metrics.registry import METRICS
from restore.utils.csv_cells import csv_text
from restore.utils.json_types import JsonObject
from restore.utils.text import printable

# Columns of numbers that fit a terminal; with more, only the means are shown.
_ROOM = 8


def to_text(found: Comparison) -> str:
    """Tables for a terminal: each picture if there is room, then the means and gains."""
    picture_metrics = [name for name in found.metrics if METRICS[name].measure]
    blocks = ["\n".join(heading(found))]
    if 0 < len(found.methods) * len(picture_metrics) <= _ROOM:
        blocks.append(_aligned(*_by_picture(found, picture_metrics)))
    blocks.append(_aligned(*_summary(found)))
    return "\n\n".join([*blocks, *_footing(found)])


def to_markdown(found: Comparison) -> str:
    """The protocol, and the means and gains as a Markdown table."""
    head, rows = _summary(found)
    lines = [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in (head, *rows)]
    lines.insert(1, f"|---{'|---:' * (len(head) - 1)}|")
    return "\n\n".join([*(_cell(line) for line in heading(found)), "\n".join(lines), *_footing(found)])


def to_csv(found: Comparison) -> str:
    """A line for each picture and method, and for each mean, at full precision."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["picture", "method", *found.metrics])
    for number, name in enumerate(found.pictures):
        for method in found.methods:
            values = found.scores[method]
            measured = (values[m][number] if m in values else "" for m in found.metrics)
            table.writerow([csv_text(printable(name)), csv_text(method), *measured])
    for method in found.methods:
        table.writerow(["average", csv_text(method), *(found.mean(method, metric) for metric in found.metrics)])
    return text.getvalue().rstrip("\n")


def to_json(found: Comparison, plane: bool = False) -> str:
    """The comparison as JSON. Values that are not finite, such as the PSNR of equal pictures, are null.

    Args:
        found: the comparison.
        plane: whether to add its perception-distortion plane, for a comparison with metrics of both kinds.
    """
    protocol = found.protocol
    facts: JsonObject = {
        "data": protocol.data,
        "scale": protocol.scale,
        "protocol": protocol.how(found.metrics),
        "low_resolution": protocol.low or None,
        "baseline": found.baseline,
        "methods": found.methods,
        "precisions": dict(protocol.precisions),
        "settings": {method: asdict(setting) for method, setting in protocol.settings.items()},
        "metrics": {name: _facts(name) for name in found.metrics},
        "pictures": [
            {"name": name, **_scores(found, partial(_at, found, number))} for number, name in enumerate(found.pictures)
        ],
        "average": {"name": "average", **_scores(found, found.mean)},
        "intervals": {m: {n: _ends(found.interval(m, n)) for n in found.metrics} for m in found.methods},
        "gains": {m: {n: _gain(found, m, n) for n in found.metrics} for m in found.others} if found.baseline else {},
        "interval": {"level": LEVEL, "method": "percentile bootstrap", "resamples": RESAMPLES, "seed": protocol.seed},
    }
    if notes := _notes(found):
        facts["notes"] = notes
    if plane:
        facts["plane"] = plane_json(plane_of(found))
    if len(found.others) == 1:
        facts = {"model": found.others[0], **facts}
    return json.dumps(facts, indent=2, allow_nan=False)


def heading(found: Comparison) -> list[str]:
    """The protocol as lines of text."""
    protocol = found.protocol
    enlarges = protocol.scale > 1
    lines = [f"{', '.join(found.others)}{f', x{protocol.scale}' if enlarges else ''}: {printable(protocol.data)}"]
    if protocol.low:
        lines.append(f"{'low resolution' if enlarges else 'input'}: {protocol.low}")
    return [*lines, protocol.how(found.metrics)]


def _footing(found: Comparison) -> list[str]:
    notes = [f"{METRICS[metric].title} of {text}." for metric, text in _notes(found).items()]
    if len(found.pictures) < 2:
        return notes
    gains = "; gains are means of per-picture differences" if found.baseline else ""
    return [
        *notes,
        f"Brackets: {LEVEL:.0%} bootstrap intervals of the mean over {len(found.pictures)} pictures "
        f"({RESAMPLES:,} resamples, seed {found.protocol.seed}){gains}.",
    ]


def _notes(found: Comparison) -> dict[str, str]:
    """Notes on the methods' means, by metric."""
    return {
        name: "; ".join(f"{method}: {note(found.mean(method, name))}" for method in found.methods)
        for name in found.metrics
        if (note := METRICS[name].note)
    }


def _by_picture(found: Comparison, metrics: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    head = ["picture", *(f"{method} {METRICS[m].title}" for method in found.methods for m in metrics)]
    rows = [
        [printable(name), *(_figure(m, found.scores[method][m][i]) for method in found.methods for m in metrics)]
        for i, name in enumerate(found.pictures)
    ]
    means = [_figure(m, found.mean(method, m)) for method in found.methods for m in metrics]
    return head, [*rows, ["average", *means]]


def _summary(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """The means by method, each followed by its gain unless it is the baseline."""
    head = ["average", *(_head(name) for name in found.metrics)]
    rows = []
    for method in found.methods:
        rows.append([method, *(_sure(m, found.mean(method, m), found.interval(method, m)) for m in found.metrics)])
        if found.baseline is not None and method != found.baseline:
            gains = [_sure(m, *found.gain(method, m), sign="+") for m in found.metrics]
            rows.append([f"  gain over {found.baseline}", *gains])
    return head, rows


def _head(name: str) -> str:
    metric = METRICS[name]
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{metric.title}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)"


def _figure(metric: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.{METRICS[metric].digits}f}"


def _sure(metric: str, value: float, ends: Interval | None, sign: str = "") -> str:
    shown = _figure(metric, value, sign)
    return shown if ends is None else f"{shown} [{_figure(metric, ends.low, sign)}, {_figure(metric, ends.high, sign)}]"


def _aligned(head: list[str], rows: list[list[str]]) -> str:
    """Align columns: the first to the left, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = (
        [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))] for line in lines
    )
    return "\n".join("  ".join(cells).rstrip() for cells in shown)


def _cell(text: str) -> str:
    """Text with Markdown characters escaped."""
    escaped = "".join(f"\\{c}" if c in "\\|`*_<[" else c for c in printable(text).strip())
    return f"_{escaped}_" if text.startswith("  ") else escaped


def _scores(found: Comparison, value: Callable[[str, str], float]) -> JsonObject:
    """Scores by method; the baseline and a single model also under the keys ``baseline`` and ``model``."""
    scores = {method: {metric: _number(value(method, metric)) for metric in found.metrics} for method in found.methods}
    named = {"baseline": scores[found.baseline]} if found.baseline else {}
    if len(found.others) == 1:
        named["model"] = scores[found.others[0]]
    return {**named, "methods": scores}


def _at(found: Comparison, number: int, method: str, metric: str) -> float:
    values = found.scores[method].get(metric)
    return values[number] if values else math.nan


def _gain(found: Comparison, method: str, metric: str) -> JsonObject:
    mean, ends = found.gain(method, metric)
    return {"mean": _number(mean), "interval": _ends(ends)}


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _facts(name: str) -> JsonObject:
    metric = METRICS[name]
    return {"title": metric.title, "unit": metric.unit or None, "higher_is_better": metric.higher_is_better}
