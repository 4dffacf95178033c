"""The page's table: its columns, and a picture's value in each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from restore.compare.measure_row import MEASURES, Row, Version
from restore.metrics.metric import MetricProtocol
from restore.utils.json_types import JsonObject

Column = JsonObject


def columns(labels: Sequence[str], scale: int | None, more: Sequence[Column] = ()) -> list[Column]:
    """The columns of the table.

    Args:
        labels: of the versions.
        scale: factor from the pictures to the reference, if the last version is one; else None.
        more: additional columns from a job.

    Returns:
        For each column: ``group`` and ``label`` for its heading; ``kind``, one of size, bytes, number and text; for
        numbers ``digits``, ``unit`` and which is ``better``; ``version``, its index; ``about``, a one-line description.
    """
    base = 0 if scale is None else len(labels) - 1
    made: list[Column] = []
    for place, label in enumerate(labels):
        of: Column = {"group": label, "version": place}
        made.append({**of, "label": "size", "kind": "size", "about": "width and height in pixels"})
        made.append({**of, "label": "file", "kind": "bytes", "about": "size of the file"})
        if place == base:
            continue
        about = f"mean absolute difference from {labels[base]}, out of 255"
        of_number: Column = {**of, "kind": "number"}
        better = {} if scale is None else {"better": "lower"}
        made.append({**of_number, "label": "difference", "digits": 2, "unit": "", "about": about, **better})
        if scale is not None:
            for one in MEASURES.values():
                better = {"better": "higher" if one.higher_is_better else "lower"}
                facts = {
                    "digits": one.digits,
                    "unit": one.unit,
                    "about": f"{one.summary}; {one.how(MetricProtocol(scale))}",
                }
                made.append({**of_number, "label": one.title, **facts, **better})
    return [*made, *more]


def cells(row: Row, heads: Sequence[Column]) -> list[object]:
    """A picture's values in the order of the columns, None where it has none."""
    return [_cell(row, head) for head in heads]


def _cell(row: Row, head: Column) -> object:
    if "version" not in head:
        return row.source.cells.get(head["label"])
    return _value(row.versions[head["version"]], head["label"])


def _value(version: Version | None, label: str) -> object:
    if version is None:
        return None
    if label == "size":
        return version.size and [version.size[1], version.size[0]]
    if label == "file":
        return version.bytes
    value = version.apart if label == "difference" else version.measures.get(label)
    if value is None or math.isnan(value):
        return None
    # JSON has no infinity, but the PSNR of equal pictures is infinite.
    return "infinite" if math.isinf(value) else round(value, 6)
