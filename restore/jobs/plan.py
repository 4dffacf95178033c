"""Which file becomes which: decided, and refused if unsound, before anything is written."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from restore.atomic import TEMPORARY_PREFIX
from restore.errors import RestoreError
from restore.imaging.formats import FORMATS, READABLE

Existing = Literal["refuse", "overwrite", "skip"]


class PlanError(RestoreError):
    """The job cannot be done as it was asked for; nothing was written."""


@dataclass(frozen=True)
class Item:
    """One picture of a job."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Plan:
    """A job, not begun.

    Attributes:
        items: what to do.
        skipped: pictures whose output is there already.
        ignored: files in the input folder that are not pictures by their name.
    """

    items: list[Item]
    skipped: int = 0
    ignored: int = 0


def make_plan(source: Path, target: Path, suffix: str | None = None, existing: Existing = "refuse") -> Plan:
    """Plan a job.

    Args:
        source: a picture, or a folder to go through with all that is below it.
        target: the folder for the results (the tree is kept), or a file when ``source`` is one.
        suffix: format of the results, such as ``.png``; None keeps each picture's own where it can be written.
        existing: what to do about outputs that are there: refuse the job, overwrite them, or skip those pictures.

    Raises:
        PlanError: no such input, no pictures, the output inside the input, two inputs for one output, an output that
            is an input, or outputs that exist.
    """
    if source.is_dir():
        plan = _plan_folder(source, target, suffix)
    elif source.exists():
        plan = Plan([Item(source, _single_target(source, target, suffix))])
    else:
        raise PlanError(f"{source}: no such file or folder")
    _refuse_collisions(plan.items)
    _refuse_sources(plan.items)
    there = [item for item in plan.items if item.target.exists()]
    if there and existing == "refuse":
        raise PlanError(
            f"{_count(len(there), 'output exists', 'outputs exist')} already, the first is {there[0].target}: "
            "add --overwrite to replace, --skip-existing to keep, or choose another output"
        )
    if existing == "skip":
        gone = {item.target for item in there}
        return Plan([i for i in plan.items if i.target not in gone], len(there), plan.ignored)
    return plan


def _plan_folder(source: Path, target: Path, suffix: str | None) -> Plan:
    if target.exists() and not target.is_dir():
        raise PlanError(f"{target} is a file, and the input is a folder: give a folder for the results")
    inside, outside = target.resolve(), source.resolve()
    if inside == outside:
        raise PlanError(f"the output folder is the input folder ({source}): results would mix with the originals")
    if inside.is_relative_to(outside):
        raise PlanError(
            f"the output folder {target} is inside the input folder {source}: "
            "a second run would enhance its own results; choose a folder elsewhere"
        )
    pictures, ignored = [], 0
    for path in _walk(source):
        if path.suffix.lower() in READABLE:
            pictures.append(path)
        else:
            ignored += 1
    if not pictures:
        more = f" ({_count(ignored, 'other file', 'other files')} there)" if ignored else ""
        raise PlanError(f"{source}: no pictures in this folder{more}; looked for {', '.join(sorted(READABLE))}")
    items = [Item(p, (target / p.relative_to(source)).with_suffix(_suffix(p, suffix))) for p in pictures]
    return Plan(items, ignored=ignored)


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder in a stable order; hidden ones and our own half-written ones left out."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            if not name.startswith((".", TEMPORARY_PREFIX)):
                yield Path(parent, name)


def _single_target(source: Path, target: Path, suffix: str | None) -> Path:
    named = target.suffix.lower()
    if target.is_dir() or not named:
        return target / source.with_suffix(_suffix(source, suffix)).name
    if named not in FORMATS:
        raise PlanError(f"{target}: '{named}' cannot be written; there are {', '.join(FORMATS)}")
    if suffix is not None and FORMATS[named] != FORMATS[suffix]:
        raise PlanError(f"{target} and --format {suffix[1:]} contradict each other: leave one out")
    return target


def _suffix(path: Path, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    return path.suffix if path.suffix.lower() in FORMATS else ".png"


def _refuse_collisions(items: Sequence[Item]) -> None:
    sources: dict[Path, list[Path]] = defaultdict(list)
    for item in items:
        sources[item.target].append(item.source)
    clashes = {target: names for target, names in sources.items() if len(names) > 1}
    if clashes:
        target, names = next(iter(clashes.items()))
        more = f" (and {len(clashes) - 1} more like this)" if len(clashes) > 1 else ""
        raise PlanError(
            f"{' and '.join(str(n) for n in names)} would both be written to {target}{more}: "
            "leave --format out so that each keeps its own, or rename one"
        )


def _refuse_sources(items: Sequence[Item]) -> None:
    """An output must never be a file that is read: not under another name, not through a link."""
    inputs = {_identity(item.source): item.source for item in items}
    for item in items:
        if item.target.exists() and (victim := inputs.get(_identity(item.target))) is not None:
            raise PlanError(f"the output {item.target} is the input {victim}: an original is never overwritten")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
