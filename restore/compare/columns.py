"""The table of a page: its columns, and what a picture has in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from restore.compare.measure_row import MEASURES, Row, Version
from restore.metrics.metric import MetricProtocol

Column = dict[str, Any]


def columns(labels: Sequence[str], scale: int | None, more: Sequence[Column] = ()) -> list[Column]:
    """What the page shall show of each picture.

    Args:
        labels: of the versions.
        scale: by which pictures were enlarged to the size of the reference, if the last is one; else None.
        more: columns that a job adds.

    Returns:
        For each: ``group`` and ``label`` for its head; ``kind``, one of size, bytes, number and text, and of a number
        ``digits``, ``unit`` and which is ``better``; ``version``, which it is of; ``about``, one line.
    """
    base = 0 if scale is None else len(labels) - 1
    made: list[Column] = []
    for place, label in enumerate(labels):
        of: Column = {"group": label, "version": place}
        made.append({**of, "label": "size", "kind": "size", "about": "width and height in pixels"})
        made.append({**of, "label": "file", "kind": "bytes", "about": "size of the file"})
        if place == base:
            continue
        about = f"mean absolute difference to {labels[base]}, of 255"
        of_number: Column = {**of, "kind": "number"}
        better = {} if scale is None else {"better": "lower"}
        made.append({**of_number, "label": "difference", "digits": 2, "unit": "", "about": about, **better})
        if scale is not None:
            for one in MEASURES.values():
                better = {"better": "higher" if one.higher_is_better else "lower"}
                facts = {
                    "digits": one.digits,
                    "unit": one.unit,
                    "about": f"{one.says}; {one.how(MetricProtocol(scale))}",
                }
                made.append({**of_number, "label": one.title, **facts, **better})
    return [*made, *more]


def cells(row: Row, heads: Sequence[Column]) -> list[Any]:
    """A picture's values in the order of the columns, None where there is none."""
    return [_cell(row, head) for head in heads]


def _cell(row: Row, head: Column) -> Any:
    if "version" not in head:
        return row.source.cells.get(head["label"])
    return _value(row.versions[head["version"]], head["label"])


def _value(version: Version | None, label: str) -> Any:
    if version is None:
        return None
    if label == "size":
        return version.size and [version.size[1], version.size[0]]
    if label == "file":
        return version.bytes
    value = version.apart if label == "difference" else version.measures.get(label)
    if value is None or math.isnan(value):
        return None
    # JSON has no infinity; equal pictures have an infinite PSNR.
    return "infinite" if math.isinf(value) else round(value, 6)
