"""Find which pictures in several folders are versions of the same one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from restore.files.listing import Unreadable, scan
from restore.files.pairing import NameRule, pair_loosely
from restore.jobs.naming import Naming, PlanError
from restore.utils.text import printable


@dataclass(frozen=True)
class Match:
    """One picture in several versions.

    Attributes:
        name: to show, relative to the folders.
        files: one per folder, None if missing.
        problems: what is missing, one sentence each.
    """

    name: str
    files: tuple[Path | None, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairing:
    """The result of :func:`pair`.

    Attributes:
        matches: sorted by name.
        unreadable: folders that could not be listed.
    """

    matches: list[Match]
    unreadable: list[Unreadable] = field(default_factory=list)


def pair(sources: Sequence[Path], template: str | None = None, reference: Path | None = None) -> Pairing:
    """Find each picture's versions.

    Args:
        sources: folders, the originals first; or single pictures, which are then versions of one.
        template: ``--name`` of the job that made the versions, with ``{stem}`` and ``{ext}``, or two templates, for the
            original and for its versions (``{stem}x4={stem}``); None tries the usual names.
        reference: another folder or picture, the last version; pictures that only it contains are ignored.

    Raises:
        PlanError: a folder is missing, files and folders are mixed, the template is wrong, or nothing matches.
    """
    named = None if template is None else _namer(template)
    paths = [*sources, *([reference] if reference is not None else [])]
    for path in paths:
        if not path.exists():
            raise PlanError(f"{path}: no such file or folder")
    kinds = {path.is_dir() for path in paths}
    if len(kinds) > 1:
        raise PlanError("folders and single pictures are mixed: give only folders, or one picture per version")
    if kinds == {False}:
        return Pairing([Match(sources[0].name, tuple(paths))])
    first, *others = [scan(path) for path in paths]
    unreadable = [bad for _, _, folders in (first, *others) for bad in folders]
    below = [path.relative_to(sources[0]) for path in first[0]]
    rows: dict[Path, list[Path | None]] = {path: [sources[0] / path] for path in below}
    problems: dict[Path, list[str]] = {path: [] for path in below}
    lonely: list[Match] = []
    for place, (folder, (found, _, _)) in enumerate(zip(paths[1:], others, strict=True), 1):
        is_reference = reference is not None and place == len(paths) - 1
        theirs = [path.relative_to(folder) for path in found]
        match = pair_loosely(below, theirs, None if is_reference else named)
        for path in below:
            partner = match.partners.get(path)
            rows[path].append(None if partner is None else folder / partner)
            if partner is None:
                problems[path].append(match.doubts.get(path) or f"no match in {printable(folder)}")
        if not is_reference:
            lonely += [
                _alone(path, folder, sources[0], place, len(paths), match.doubts.get(path)) for path in match.left
            ]
    matches = [Match(path.as_posix(), tuple(rows[path]), tuple(problems[path])) for path in below]
    _refuse_nothing(matches, sources)
    return Pairing(sorted([*matches, *lonely], key=lambda match: match.name), unreadable)


def _namer(template: str) -> Callable[[Path], str | None]:
    """A function from an original's path to the stem of its versions."""
    own, _, others = template.partition("=")
    if "{" in own and "{" in others:
        try:
            rule = NameRule.parse(template)
        except ValueError as error:
            raise PlanError(f"--name {error}") from error
        return lambda path: rule(path.stem)
    naming = Naming(template)
    for name in ("model", "scale"):
        if naming.needs(name):
            raise PlanError(f"--name {template!r}: replace {{{name}}} by its value, for example '{{stem}}-x4'")
    return lambda path: naming.result(path).removesuffix(naming.result_suffix(path))


def _refuse_nothing(matches: Sequence[Match], sources: Sequence[Path]) -> None:
    if any(file is not None for match in matches for file in match.files[1 : len(sources)]):
        return
    if not matches:
        raise PlanError(f"{sources[0]}: no pictures in this folder")
    raise PlanError(
        f"no picture in {' or '.join(map(str, sources[1:]))} has a name that matches one in {sources[0]} "
        f"(the first one there is {printable(matches[0].name)}): describe how they were named with --name"
    )


def _alone(path: Path, folder: Path, originals: Path, place: int, count: int, doubt: str | None) -> Match:
    files = tuple(folder / path if i == place else None for i in range(count))
    return Match(path.as_posix(), files, (doubt or f"no match in {printable(originals)}",))
