"""Check that what a job claims to have written is there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from restore.jobs.plan import Item

GONE = "its result was there, but has been removed, renamed or moved since: run the job again with --resume"


def missing(items: Iterable[Item]) -> list[Item]:
    """The pictures whose results are not there, in order; lists each folder once, which is fast on network shares."""
    by_folder: dict[Path, list[Item]] = defaultdict(list)
    for item in items:
        by_folder[item.target.parent].append(item)
    return [item for folder, inside in by_folder.items() for item in _missing_in(folder, inside)]


def _missing_in(folder: Path, items: list[Item]) -> list[Item]:
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        names = set()
    # A file system that stores names in another way lists them so too.
    return [item for item in items if item.target.name not in names and not os.path.lexists(item.target)]
