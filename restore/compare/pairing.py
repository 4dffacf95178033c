"""Which pictures of several folders belong together, by their names.

From strict to loose, each step over what the one before left: the same name; the same stem (``a.heic``, ``a.png``); a
stem with something behind it, as ``--name`` of a job adds it (``a``, ``a-x4``; ``a.jpg``, ``a-jpg``). Where two could
be meant neither is taken: a wrong pair shows differences that nobody made.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from restore.jobs.naming import Naming, PlanError
from restore.jobs.plan import Unreadable, find_pictures
from restore.utils.text import printable

_SEPARATORS = "-_. ~@("
# From a picture of the other folder to those of the first that it may be a version of.
_Candidates = Callable[[Path], list[Path]]


@dataclass(frozen=True)
class Match:
    """One picture in several versions.

    Attributes:
        name: shown; relative to the folders.
        files: one for each folder, None where there is none.
        problems: what is missing, one sentence each.
    """

    name: str
    files: tuple[Path | None, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairing:
    """What was found.

    Attributes:
        matches: in the order of their names.
        unreadable: folders that could not be gone through.
    """

    matches: list[Match]
    unreadable: list[Unreadable] = field(default_factory=list)


def pair(sources: Sequence[Path], template: str | None = None, reference: Path | None = None) -> Pairing:
    """Find each picture's versions.

    Args:
        sources: folders, that of the originals first; or as many pictures, which are then one picture's versions.
        template: ``--name`` of the job that made the others, with ``{stem}`` and ``{ext}``; None tries the usual ones.
        reference: a folder or picture more, the last version; what only it has is no loss.

    Raises:
        PlanError: a folder is missing, files and folders are mixed, the template is wrong, or nothing goes together.
    """
    naming = None if template is None else _naming(template)
    paths = [*sources, *([reference] if reference is not None else [])]
    for path in paths:
        if not path.exists():
            raise PlanError(f"{path}: no such file or folder")
    kinds = {path.is_dir() for path in paths}
    if len(kinds) > 1:
        raise PlanError("folders and single pictures are mixed: give folders alone, or one picture of each version")
    if kinds == {False}:
        return Pairing([Match(sources[0].name, tuple(paths))])
    first, *others = [find_pictures(path) for path in paths]
    unreadable = [bad for _, _, folders in (first, *others) for bad in folders]
    below = [path.relative_to(sources[0]) for path in first[0]]
    rows: dict[Path, list[Path | None]] = {path: [sources[0] / path] for path in below}
    problems: dict[Path, list[str]] = {path: [] for path in below}
    lonely: list[Match] = []
    for place, (folder, (found, _, _)) in enumerate(zip(paths[1:], others, strict=True), 1):
        is_reference = reference is not None and place == len(paths) - 1
        theirs = [path.relative_to(folder) for path in found]
        partners, doubts, left = _partners(below, theirs, None if is_reference else naming)
        for path in below:
            partner = partners.get(path)
            rows[path].append(None if partner is None else folder / partner)
            if partner is None:
                problems[path].append(doubts.get(path) or f"nothing in {printable(folder)} goes with it")
        if not is_reference:
            lonely += [_alone(path, folder, sources[0], place, len(paths), doubts.get(path)) for path in left]
    matches = [Match(path.as_posix(), tuple(rows[path]), tuple(problems[path])) for path in below]
    _refuse_nothing(matches, sources)
    return Pairing(sorted([*matches, *lonely], key=lambda match: match.name), unreadable)


def _naming(template: str) -> Naming:
    naming = Naming(template)
    for name in ("model", "scale"):
        if naming.needs(name):
            raise PlanError(f"--name {template!r}: write out what {{{name}}} stood for, for example '{{stem}}-x4'")
    return naming


def _refuse_nothing(matches: Sequence[Match], sources: Sequence[Path]) -> None:
    if any(file is not None for match in matches for file in match.files[1 : len(sources)]):
        return
    if not matches:
        raise PlanError(f"{sources[0]}: no pictures in this folder")
    raise PlanError(
        f"no picture of {' or '.join(map(str, sources[1:]))} has a name that goes with one of {sources[0]} "
        f"(the first there is {printable(matches[0].name)}): say with --name how they were named"
    )


def _alone(path: Path, folder: Path, originals: Path, place: int, count: int, doubt: str | None) -> Match:
    files = tuple(folder / path if i == place else None for i in range(count))
    return Match(path.as_posix(), files, (doubt or f"nothing in {printable(originals)} goes with it",))


def _partners(
    originals: Sequence[Path], others: Sequence[Path], naming: Naming | None
) -> tuple[dict[Path, Path], dict[Path, str], list[Path]]:
    """From originals to partners; why there is none, of either side, where two could be meant; others left over."""
    partners: dict[Path, Path] = {}
    doubts: dict[Path, str] = {}
    ours, theirs = list(originals), list(others)
    for step in _named_steps(naming) if naming else _STEPS:
        candidates = step(ours)
        claims: dict[Path, list[Path]] = {other: found for other in theirs if (found := candidates(other))}
        _settle(claims, partners, doubts)
        ours = [path for path in ours if path not in partners and path not in doubts]
        taken = set(partners.values())
        theirs = [path for path in theirs if path not in taken and path not in doubts]
    taken = set(partners.values())
    left = [path for path in others if path not in taken]
    return partners, doubts, left


def _settle(claims: Mapping[Path, list[Path]], partners: dict[Path, Path], doubts: dict[Path, str]) -> None:
    claimed: dict[Path, list[Path]] = defaultdict(list)
    for other, found in claims.items():
        for path in found:
            claimed[path].append(other)
    for path, by in claimed.items():
        if len(by) == 1 and len(claims[by[0]]) == 1:
            partners[path] = by[0]
            continue
        several = by if len(by) > 1 else claims[by[0]]
        names = " and ".join(printable(one.name) for one in several[:3])
        why = f"{names} could be of the same picture: say with --name how they were named, or rename one"
        doubts[path] = why
        doubts.update(dict.fromkeys(by, why))


def _key(name: str) -> str:
    """Names are the same however accents are stored."""
    return unicodedata.normalize("NFC", name)


def _index(paths: Iterable[Path], names: Callable[[Path], Iterable[str]]) -> dict[tuple[str, str], list[Path]]:
    index: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        for name in names(path):
            index[_key(path.parent.as_posix()), _key(name)].append(path)
    return index


def _at(path: Path, name: str) -> tuple[str, str]:
    return _key(path.parent.as_posix()), _key(name)


def _same_name(ours: Sequence[Path]) -> _Candidates:
    index = _index(ours, lambda path: [path.name])
    return lambda other: index.get(_at(other, other.name), [])


def _same_stem(ours: Sequence[Path]) -> _Candidates:
    index = _index(ours, lambda path: [path.stem])
    return lambda other: index.get(_at(other, other.stem), [])


def _longer_name(ours: Sequence[Path]) -> _Candidates:
    """Theirs is ours and something behind it: the longest that fits, ``a-b`` before ``a`` for ``a-b-x4``."""
    index = _index(ours, _beginnings)

    def candidates(other: Path) -> list[Path]:
        stem = other.stem
        cuts = [len(stem), *(i for i in range(len(stem) - 1, 0, -1) if stem[i] in _SEPARATORS)]
        return next((found for cut in cuts if (found := index.get(_at(other, stem[:cut])))), [])

    return candidates


def _shorter_name(ours: Sequence[Path]) -> _Candidates:
    """Ours is theirs and something behind it, as a degraded picture's may be."""
    by_theirs: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in ours:
        for cut in (i for i, letter in enumerate(path.stem) if i and letter in _SEPARATORS):
            by_theirs[_at(path, path.stem[:cut])].append(path)
    return lambda other: by_theirs.get(_at(other, other.stem), [])


def _beginnings(path: Path) -> list[str]:
    ending = path.suffix[1:]
    return [path.stem, *(f"{path.stem}{mark}{ending}" for mark in "-_." if ending)]


_STEPS = (_same_name, _same_stem, _longer_name, _shorter_name)


def _named_steps(naming: Naming) -> tuple[Callable[[Sequence[Path]], _Candidates], ...]:
    def by_template(ours: Sequence[Path]) -> _Candidates:
        index = _index(ours, lambda path: [naming.result(path).removesuffix(naming.result_suffix(path))])
        return lambda other: index.get(_at(other, other.stem), [])

    return (by_template,)
