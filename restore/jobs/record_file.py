"""The records of a report, kept on disk until it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from restore.jobs.report import FileRecord


class RecordFile:
    """A list of records in a file, in the order in which they came.

    Args:
        path: of the file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("x", encoding="utf-8", buffering=1 << 16)

    def append(self, one: FileRecord) -> None:
        """Add a record."""
        self._file.write(json.dumps(one) + "\n")

    def __iter__(self) -> Iterator[FileRecord]:
        self._file.flush()
        with self._path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
