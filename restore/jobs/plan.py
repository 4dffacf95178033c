"""Which file becomes which: decided, and refused if unsound, before anything is written."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from restore.files.listing import Unreadable, is_special, scan
from restore.imaging.formats import FORMATS, READABLE
from restore.jobs.naming import Naming, PlanError
from restore.utils.text import printable

Existing = Literal["refuse", "overwrite", "skip"]


@dataclass(frozen=True)
class Item:
    """One picture of a job.

    Attributes:
        source: the file to read.
        target: the file to write.
        source_name: the source relative to the input folder, with ``/``.
        target_name: the target relative to the output folder, with ``/``.
    """

    source: Path
    target: Path
    source_name: str
    target_name: str


@dataclass(frozen=True)
class Plan:
    """A job, not begun.

    Attributes:
        items: what to do.
        folder: of the results; None when the input is one picture.
        skipped: pictures whose output is there already.
        ignored: how many files in the input folder are not pictures by their name.
        unreadable: folders whose pictures are missing from the plan.
    """

    items: list[Item]
    folder: Path | None = None
    skipped: list[Item] = field(default_factory=list)
    ignored: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def make_plan(
    source: Path,
    target: Path,
    naming: Naming | None = None,
    existing: Existing = "refuse",
    shard: tuple[int, int] = (1, 1),
    may_be_empty: bool = False,
) -> Plan:
    """Plan a job.

    Args:
        source: a picture, or a folder to go through with all that is below it. Symlinked files are followed,
            symlinked folders are not.
        target: the folder for the results (the tree is kept), or a file when ``source`` is one.
        naming: of the results.
        existing: what to do about outputs that are there: refuse the job, overwrite them, or skip those pictures.
        shard: ``(i, n)``, i in 1..n: of the whole plan in its order, every n-th picture from the i-th on.
        may_be_empty: whether a folder without pictures is a job too.

    Raises:
        PlanError: no such input, no pictures, the output inside the input, two inputs for one output, an output that
            is an input, or outputs that exist.
    """
    naming = naming or Naming()
    if source.is_dir():
        plan = _plan_folder(source, target, naming)
        if not plan.items and not may_be_empty:
            raise PlanError(_nothing_there(source, plan))
    elif is_special(source):
        raise PlanError(f"{source}: a pipe, a socket or a device, which may never end: give a file")
    elif source.exists():
        path = _single_target(source, target, naming)
        plan = Plan([Item(source, path, source.name, path.name)])
    else:
        raise PlanError(f"{source}: no such file or folder")
    _refuse_collisions(plan.items)
    _refuse_sources(plan.items)
    index, count = shard
    # The partition comes before the look at what exists: another shard may have written meanwhile.
    return _regard_existing(replace(plan, items=plan.items[index - 1 :: count]), existing)


def _regard_existing(plan: Plan, existing: Existing) -> Plan:
    if existing == "overwrite":
        return plan
    there = [item for item in plan.items if os.path.lexists(item.target)]
    if there and existing == "refuse":
        if plan.folder is None:
            raise PlanError(
                f"{there[0].target} exists already: add --overwrite to replace it, or choose another output"
            )
        raise PlanError(
            f"{_count(len(there), 'output exists', 'outputs exist')} already, the first is {there[0].target}: add "
            "--resume to go on with a job, --overwrite to replace, --skip-existing to keep, or choose another output"
        )
    gone = {item.target for item in there}
    return replace(plan, items=[i for i in plan.items if i.target not in gone], skipped=there)


def _plan_folder(source: Path, target: Path, naming: Naming) -> Plan:
    if target.exists() and not target.is_dir():
        raise PlanError(f"{target} is a file, and the input is a folder: give a folder for the results")
    _refuse_inside(source, target)
    found = scan(source)
    items = []
    for path in found.pictures:
        below = path.relative_to(source)
        name = below.with_name(naming.result(path))
        items.append(Item(path, target / name, below.as_posix(), name.as_posix()))
    # A link in the output's tree may lead back among the originals.
    for folder in dict.fromkeys(item.target.parent for item in items):
        _refuse_inside(source, folder)
    return Plan(items, target, ignored=found.ignored, unreadable=found.unreadable)


def _refuse_inside(source: Path, target: Path) -> None:
    inside, outside = target.resolve(), source.resolve()
    if inside == outside:
        raise PlanError(f"the output folder is the input folder ({source}): results would mix with the originals")
    if inside.is_relative_to(outside):
        raise PlanError(
            f"the output folder {target} is inside the input folder {source}: "
            "a second run would enhance its own results; choose a folder elsewhere"
        )


def _nothing_there(source: Path, plan: Plan) -> str:
    if plan.unreadable:
        first = plan.unreadable[0]
        return f"{source}: no pictures found, and {first.folder} cannot be read: {first.reason}"
    more = f" ({_count(plan.ignored, 'other file', 'other files')} there)" if plan.ignored else ""
    return f"{source}: no pictures in this folder{more}; looked for {', '.join(sorted(READABLE))}"


def _single_target(source: Path, target: Path, naming: Naming) -> Path:
    named = target.suffix.lower()
    if target.is_dir() or not named:
        return target / naming.result(source)
    if named not in FORMATS:
        raise PlanError(f"{target}: '{named}' cannot be written; there are {', '.join(FORMATS)}")
    if naming.suffix is not None and FORMATS[named] != FORMATS[naming.suffix]:
        raise PlanError(f"{target} and --format {naming.suffix[1:]} contradict each other: leave one out")
    if naming.template != Naming.template:
        raise PlanError(f"{target} and --name {naming.template!r} both name the result: leave one out")
    return target


def _refuse_collisions(items: Sequence[Item]) -> None:
    """Refuse two sources for one output, also where only some file systems take the two names for one."""
    sources: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        sources[_folded(item.target_name)].append(item)
    clashes = [same for same in sources.values() if len(same) > 1]
    if clashes:
        first = clashes[0]
        names = " and ".join(printable(item.source) for item in first)
        more = f" (and {len(clashes) - 1} more like this)" if len(clashes) > 1 else ""
        alike = len({item.target for item in first}) > 1
        why = ", which differ only in case or in how accents are stored" if alike else ""
        targets = " and ".join(dict.fromkeys(printable(item.target) for item in first))
        raise PlanError(
            f"{names} would both be written to {targets}{why}{more}: use --name '{{stem}}-{{ext}}', or rename one"
        )
    for item in items:
        parts = item.target_name.split("/")
        for depth in range(1, len(parts)):
            for other in sources.get(_folded("/".join(parts[:depth])), []):
                raise PlanError(
                    f"{printable(other.source)} would be written to {printable(other.target)}, which is the folder "
                    f"for {printable(item.source)}: rename one"
                )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _refuse_sources(items: Sequence[Item]) -> None:
    """An output must never be a file that is read: not under another name, not through a link."""
    inputs = {found: item.source for item in items if (found := _identity(item.source)) is not None}
    for item in items:
        found = _identity(item.target)
        if found is not None and (victim := inputs.get(found)) is not None:
            raise PlanError(f"the output {item.target} is the input {victim}: an original is never overwritten")


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file is, whatever its name; None of one that is not there or cannot be reached."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
