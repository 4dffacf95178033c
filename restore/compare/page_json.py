"""The page's data as JSON for its script."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from restore.compare.columns import Column, cells
from restore.compare.image_store import Store
from restore.compare.measure_row import Row, Version
from restore.compare.preview import Copy
from restore.utils.json_types import JsonObject
from restore.utils.text import printable

Facts = JsonObject


def row_facts(row: Row, number: int, heads: Sequence[Column], store: Store) -> Facts:
    """A row as JSON; its copies are put into the store.

    Args:
        row: the picture.
        number: of the row in the page.
        heads: the columns.
        store: for the copies.
    """
    versions = [
        None if version is None else _version(version, row, number, place, store)
        for place, version in enumerate(row.versions)
    ]
    small = row.thumbnail if row.shown else None
    return {
        "name": printable(row.source.name),
        "status": _status(row),
        "problems": [printable(problem) for problem in row.problems],
        "cells": cells(row, heads),
        "versions": versions,
        "thumbnail": small and f"data:{small.kind};base64,{base64.b64encode(small.data).decode()}",
    }


def _status(row: Row) -> str:
    """The status of a picture: the job's, or how far it could be compared."""
    if row.source.status or not row.problems:
        return row.source.status or "compared"
    if sum(version is not None and version.size is not None for version in row.versions) > 1:
        return "in part"
    return "missing" if None in row.source.files else "failed"


def _version(version: Version, row: Row, number: int, place: int, store: Store) -> Facts:
    def put(copy: Copy | None, role: str) -> str | None:
        if copy is None or not row.shown:
            return None
        return store.put(copy, number, row.source.name, role)

    copy = version.copy
    return {
        "size": version.size and version.size[::-1],
        "shown": copy and copy.size[::-1],
        "quality": copy and copy.quality,
        "pixels": put(copy, f"{place}"),
        "map": put(version.map, f"{place}-difference"),
    }
