"""Decide which file is written from which; reject unsafe plans before anything is written."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from restore.errors import ImageError
from restore.files.listing import Unreadable, is_special, scan
from restore.imaging.formats import ANIMATED, FORMATS, READABLE, check_package, kind_of
from restore.jobs.naming import Naming, PlanError
from restore.stores.store import StoredObject
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
        origin: the object to read, if it is in a store: ``source`` is then a local copy, made when it is needed.
        goal: the object to write, if it is in a store: only the suffix of ``target`` counts then.
        fault: why it cannot be enhanced, if that was seen when it was listed.
    """

    source: Path
    target: Path
    source_name: str
    target_name: str
    origin: StoredObject | None = None
    goal: StoredObject | None = None
    fault: str = ""

    @property
    def shown_source(self) -> str:
        """The source's path or address, for people and reports."""
        return str(self.origin or self.source)

    @property
    def shown_target(self) -> str:
        """The target's path or address."""
        return str(self.goal or self.target)


class Planned(Protocol):
    """What :func:`restore.jobs.pipeline.run_job` runs."""

    @property
    def items(self) -> Iterable[Item]:
        """The pictures to process; asked for once."""
        ...


@dataclass(frozen=True)
class Plan:
    """A job that has not started.

    Attributes:
        items: pictures to process.
        folder: for the results; None if the input is one picture.
        skipped: pictures whose output already exists.
        ignored: number of files in the input folder that are not pictures by their suffix.
        unreadable: folders whose pictures are missing from the plan.
        refused: why pictures were left out, a sentence each; only in a tolerant plan.
    """

    items: list[Item]
    folder: Path | None = None
    skipped: list[Item] = field(default_factory=list)
    ignored: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def make_plan(
    source: Path | Sequence[Path],
    target: Path,
    naming: Naming | None = None,
    existing: Existing = "refuse",
    shard: tuple[int, int] = (1, 1),
    tolerant: bool = False,
) -> Plan:
    """Plan a job.

    Args:
        source: a picture, or a folder to search recursively. Symlinked files are followed, symlinked folders are
            not. Of several, each folder keeps its name below ``target``.
        target: the folder for the results (the tree is kept), or a file when ``source`` is one.
        naming: how results are named.
        existing: what to do about existing outputs: refuse the job, overwrite them, or skip those pictures.
        shard: ``(i, n)``, i in 1..n: every n-th picture of the whole plan, starting with the i-th.
        tolerant: for a folder that grows: accept that it has no pictures yet, and leave out those that clash.

    Raises:
        PlanError: no such input, no pictures, the output inside the input, two inputs for one output, an output that
            is an input, or outputs that exist.
    """
    naming = naming or Naming()
    _refuse_missing_package(naming.suffix or "")
    sources = [source] if isinstance(source, Path) else list(dict.fromkeys(source))
    if len(sources) > 1:
        plan = _plan_several(sources, target, naming)
    elif sources[0].is_dir():
        plan = _plan_folder(sources[0], target, naming, tolerant)
    else:
        _refuse_no_file(sources[0])
        path = single_target(sources[0], target, naming)
        plan = Plan([Item(sources[0], path, sources[0].name, path.name)])
    if not plan.items and not tolerant:
        raise PlanError(_nothing_there(sources, plan))
    if tolerant:
        plan = _without_clashes(plan)
    else:
        _refuse_clashes(plan.items)
    index, count = shard
    # Partition before checking for existing outputs: another shard may have written some already.
    return _regard_existing(replace(plan, items=plan.items[index - 1 :: count]), existing)


def _regard_existing(plan: Plan, existing: Existing) -> Plan:
    if existing == "overwrite":
        return plan
    there = [item for item in plan.items if os.path.lexists(item.target)]
    if there and existing == "refuse":
        if plan.folder is None:
            raise PlanError(
                f"{there[0].target} already exists: add --overwrite to replace it, or choose another output"
            )
        raise PlanError(
            f"{_count(len(there), 'output already exists', 'outputs already exist')}, first {there[0].target}: add "
            "--resume to continue a job, --overwrite to replace, --skip-existing to keep, or choose another output"
        )
    gone = {item.target for item in there}
    return replace(plan, items=[i for i in plan.items if i.target not in gone], skipped=there)


def _plan_several(sources: Sequence[Path], target: Path, naming: Naming) -> Plan:
    """Files go directly into the output folder, folders below their own names."""
    plan = Plan([], target)
    for source in sources:
        if source.is_dir():
            name = source.resolve().name
            below = _plan_folder(source, target / name, naming)
            _refuse_inside(source, target)
            items = [
                replace(i, source_name=f"{name}/{i.source_name}", target_name=f"{name}/{i.target_name}")
                for i in below.items
            ]
            unreadable = [*plan.unreadable, *below.unreadable]
            plan = replace(plan, items=plan.items + items, ignored=plan.ignored + below.ignored, unreadable=unreadable)
        else:
            _refuse_no_file(source)
            _refuse_file(target, f"there are {len(sources)} inputs")
            name = naming.result(source)
            plan.items.append(Item(source, target / name, source.name, name))
    return plan


def _refuse_no_file(source: Path) -> None:
    if is_special(source):
        raise PlanError(f"{source} is a pipe, a socket or a device, not a file")
    if not source.exists():
        raise PlanError(f"{source}: no such file or folder")


def _refuse_file(target: Path, why: str) -> None:
    """Refuse an output that is a file, or named like a picture, where a folder is needed."""
    if target.is_dir():
        return
    if target.exists() or target.suffix.lower() in READABLE:
        what = "is a file" if target.exists() else "is the name of a picture"
        raise PlanError(f"{target} {what}, but {why}: choose a folder for the results")


def _plan_folder(source: Path, target: Path, naming: Naming, tolerant: bool = False) -> Plan:
    _refuse_file(target, "the input is a folder")
    _refuse_inside(source, target)
    found = scan(source)
    items, refused = [], []
    for path in found.pictures:
        below = path.relative_to(source)
        try:
            name = below.with_name(naming.result(path))
        except PlanError as error:
            if not tolerant:
                raise
            refused.append(str(error))
            continue
        items.append(Item(path, target / name, below.as_posix(), name.as_posix()))
    # A link in the output tree may lead back into the input folder.
    for folder in dict.fromkeys(item.target.parent for item in items):
        _refuse_inside(source, folder)
    return Plan(items, target, ignored=found.ignored, unreadable=found.unreadable, refused=refused)


def _refuse_inside(source: Path, target: Path) -> None:
    inside, outside = target.resolve(), source.resolve()
    if inside == outside:
        raise PlanError(f"the output folder is the input folder ({source}): results would be mixed with the originals")
    if inside.is_relative_to(outside):
        raise PlanError(
            f"the output folder {target} is inside the input folder {source}: "
            "a second run would enhance its own results; choose a folder elsewhere"
        )


def _nothing_there(sources: Sequence[Path], plan: Plan) -> str:
    source = ", ".join(map(str, sources))
    if plan.unreadable:
        first = plan.unreadable[0]
        return f"{source}: no pictures found, and {first.folder} cannot be read: {first.reason}"
    more = f" ({_count(plan.ignored, 'other file', 'other files')})" if plan.ignored else ""
    return f"{source}: no pictures in this folder{more}; supported suffixes: {', '.join(sorted(READABLE))}"


def single_target(source: Path, target: Path, naming: Naming) -> Path:
    """Where the result of one picture goes: ``target``, or a file in it if it is a folder.

    Raises:
        PlanError: its format cannot be written, or contradicts the naming.
    """
    named = target.suffix.lower()
    if target.is_dir() or not named:
        return target / naming.result(source)
    if not naming.can_be(named):
        how = " (animated, with --frames all)" if named in ANIMATED else ""
        raise PlanError(f"{target}: cannot write '{named}'{how}; supported formats: {', '.join(FORMATS)}")
    _refuse_missing_package(named)
    if naming.suffix is not None and kind_of(named) != kind_of(naming.suffix):
        raise PlanError(f"{target} and --format {naming.suffix[1:]} contradict each other: remove one")
    if naming.template != Naming.template:
        raise PlanError(f"{target} and --name {naming.template!r} both name the result: remove one")
    return target


def _refuse_missing_package(suffix: str) -> None:
    try:
        check_package(suffix)
    except ImageError as error:
        raise PlanError(f"{suffix[1:]} cannot be written: {error}") from error


def _without_clashes(plan: Plan) -> Plan:
    """The plan without the pictures that clash, and why each of them was left out."""
    found = list(_clashes(plan.items))
    left_out = {item.source for clash in found for item in clash.items}
    items = [item for item in plan.items if item.source not in left_out]
    return replace(plan, items=items, refused=[*plan.refused, *(_told(clash) for clash in found)])


def _refuse_clashes(items: Sequence[Item]) -> None:
    found = list(_clashes(items))
    if found:
        raise PlanError(_told(found[0], len(found) - 1))


@dataclass(frozen=True)
class _Clash:
    """Pictures that cannot all be written: what is wrong, and what to do."""

    items: Sequence[Item]
    fault: str
    cure: str


def _clashes(items: Sequence[Item]) -> Iterator[_Clash]:
    """Two sources for one output, a file where a folder must be, and outputs that are also inputs."""
    sources: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        sources[_folded(item.target_name)].append(item)
    for same in sources.values():
        if len(same) > 1:
            # Some file systems treat names as equal that others tell apart.
            alike = len({item.target for item in same}) > 1
            why = ", which differ only in case or in how accents are stored" if alike else ""
            names = " and ".join(printable(item.source) for item in same)
            targets = " and ".join(dict.fromkeys(printable(item.target) for item in same))
            fault = f"{names} would both be written to {targets}{why}"
            yield _Clash(same, fault, "use --name '{stem}-{ext}', or rename one")
    for item in items:
        parts = item.target_name.split("/")
        for depth in range(1, len(parts)):
            for other in sources.get(_folded("/".join(parts[:depth])), []):
                fault = (
                    f"{printable(other.source)} would be written to {printable(other.target)}, which is the folder "
                    f"for {printable(item.source)}"
                )
                yield _Clash([other, item], fault, "rename one")
    # Also under another name or through a link.
    inputs = {found: item.source for item in items if (found := _identity(item.source)) is not None}
    for item in items:
        found = _identity(item.target)
        if found is not None and (victim := inputs.get(found)) is not None:
            yield _Clash([item], f"the output {item.target} is the input {victim}", "originals are never overwritten")


def _told(clash: _Clash, others: int = 0) -> str:
    more = f" (and {others} more like this)" if others else ""
    return f"{clash.fault}{more}: {clash.cure}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _identity(path: Path) -> tuple[int, int] | None:
    """A file's identity independent of its name; None if it is missing or unreachable."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
