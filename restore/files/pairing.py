"""Pair files by their names.

Three rules. *Strict*: the same relative path except for the suffix, for training and measuring, where a wrong pair
falsifies the result. *Named*: strict, with a :class:`NameRule` for datasets that name partners differently, for example
``0001.png`` and ``0001x4.png``. *Loose*: names that a job's ``--name`` may have produced, for viewing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from restore.errors import DataError
from restore.utils.text import printable

# Maximum number of file names in a message; the rest is only counted.
_NAMED = 5
_FIELD = re.compile(r"\{(?:stem|name)\}")
_SEPARATORS = "-_. ~@("


@dataclass(frozen=True)
class NameRule:
    """How a partner's name follows from a picture's, without the suffix.

    Attributes:
        text: as written by the user: a template (``{stem}x4``), two templates (``{stem}_HR={stem}_LR``: the picture's
            and its partner's), or a replacement (``_HR=_LR``).
    """

    text: str
    _own: str = field(repr=False)
    _partner: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> NameRule:
        """Parse a rule. ``{name}`` is accepted for ``{stem}``.

        Raises:
            ValueError: the text has none of these forms.
        """
        own, equals, partner = text.partition("=")
        if not (equals and _FIELD.search(own) and _FIELD.search(partner)):
            if _FIELD.search(text):
                own, partner = "{stem}", text
            elif not equals or not own:
                raise ValueError(f"{text!r}: write it as '{{stem}}x4', '{{stem}}_HR={{stem}}_LR' or FROM=TO")
        for side in (own, partner):
            if len(_FIELD.findall(side)) > 1 or re.search(r"[{}/\\]", _FIELD.sub("", side)):
                raise ValueError(
                    f"{text!r}: each side needs {{stem}} exactly once, and no other braces or path separators"
                )
        return cls(text, own, partner)

    @property
    def is_replacement(self) -> bool:
        """Whether the rule is a replacement FROM=TO, without ``{stem}``."""
        return not _FIELD.search(self._partner)

    def __call__(self, stem: str) -> str | None:
        """The stem of the partner of a picture with this stem; None if the rule does not match."""
        if self.is_replacement:
            return stem.replace(self._own, self._partner)
        before, after = _FIELD.split(self._own)
        if not (stem.startswith(before) and stem.endswith(after) and len(stem) > len(before) + len(after)):
            return None
        return _FIELD.sub(lambda _: stem[len(before) : len(stem) - len(after)], self._partner)

    def below(self, stem: str) -> str | None:
        """Like a call, for a relative path with ``/``; subfolders are kept."""
        folders, slash, name = stem.rpartition("/")
        partner = self(name)
        return None if partner is None else folders + slash + partner


def index_stems(folder: Path, pictures: Iterable[Path]) -> dict[str, list[Path]]:
    """Pictures by path relative to the folder, with ``/`` and without the suffix."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in pictures:
        found[stem_below(folder, path)].append(path)
    return dict(found)


def stem_below(folder: Path, path: Path) -> str:
    """A picture's path relative to a folder, with ``/`` and without the suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def pair_strictly(
    inputs: tuple[Path, Sequence[Path]], targets: tuple[Path, Sequence[Path]], rule: NameRule | None = None
) -> list[tuple[Path, Path]]:
    """Match every input with its target and every target with its input.

    Args:
        inputs: a folder and its pictures.
        targets: likewise; with a rule, both may be the same folder.
        rule: how an input's name follows from its target's; None if both have the same name.

    Returns:
        Inputs and targets, in the order of the inputs' paths without suffix.

    Raises:
        DataError: a picture has no partner, does not match the rule, or two pictures differ only in the suffix.
    """
    (low_folder, low), (high_folder, high) = inputs, targets
    by_low, by_high = _one_each(low_folder, low), _one_each(high_folder, high)
    if rule is not None and low_folder.resolve() == high_folder.resolve():
        named = {name for stem in by_high if (name := rule.below(stem)) != stem and name is not None}
        by_low = {stem: path for stem, path in by_low.items() if stem in named}
        by_high = {stem: path for stem, path in by_high.items() if stem not in by_low}
    wanted = {stem: stem if rule is None else rule.below(stem) for stem in by_high}
    asked: dict[str | None, str] = {}
    for stem, name in wanted.items():
        if name is not None and name in asked:
            raise DataError(f"{by_high[asked[name]]} and {by_high[stem]} both lead to {name!r}: rename or remove one")
        asked[name] = stem
    problems = [
        _misnamed([by_high[stem] for stem, name in wanted.items() if name is None], rule),
        _lonely([(path, stem) for stem, path in by_low.items() if stem not in asked], high_folder, rule, reverse=True),
        _lonely([(by_high[s], name) for s, name in wanted.items() if name and name not in by_low], low_folder, rule),
    ]
    if any(problems):
        raise DataError("\n".join(text for text in problems if text))
    pairs = {name: (by_low[name], by_high[stem]) for stem, name in wanted.items() if name is not None}
    return [pairs[name] for name in sorted(pairs)]


def _one_each(folder: Path, pictures: Sequence[Path]) -> dict[str, Path]:
    index = index_stems(folder, pictures)
    for stem, paths in index.items():
        if len(paths) > 1:
            raise DataError(f"{paths[0]} and {paths[1]} are both '{stem}': keep only one")
    return {stem: path for stem, (path,) in index.items()}


def _misnamed(paths: Sequence[Path], rule: NameRule | None) -> str:
    if not paths or rule is None:
        return ""
    return f"{listed(paths)} {'is' if len(paths) == 1 else 'are'} not named by the rule {rule.text!r}: rename or remove"


def _lonely(alone: Sequence[tuple[Path, str]], other: Path, rule: NameRule | None, reverse: bool = False) -> str:
    """A message about pictures without a partner in the other folder; empty if there are none."""
    if not alone:
        return ""
    paths = [path for path, _ in alone]
    verb, what = ("has", "it") if len(paths) == 1 else ("have", "them")
    if rule is None:
        return f"{listed(paths)} {verb} no picture of the same name in {other}: add the partner, or remove {what}"
    looked = f"no picture in {other} leads to {alone[0][1]!r}" if reverse else f"looked for {alone[0][1]!r} in {other}"
    return f"{listed(paths)} {verb} no partner by {rule.text!r} ({looked}): add the partner, or remove {what}"


def listed(names: Sequence[Path | str]) -> str:
    """The first few names, and the number of others."""
    more = len(names) - _NAMED
    return ", ".join(map(str, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")


def pick_partner(picture: Path, stems: Sequence[str], index: Mapping[str, Sequence[Path]]) -> Path | None:
    """The file of the first stem that exists; if there are several suffixes, the one with the picture's own.

    Raises:
        DataError: several files have that stem, but not exactly one has the picture's suffix.
    """
    for stem in stems:
        found = index.get(stem, [])
        same = [path for path in found if path.suffix == picture.suffix] or found
        if len(same) > 1:
            raise DataError(f"{same[0]} and {same[1]} both match {picture.name}: keep one of them")
        if same:
            return same[0]
    return None


# Maps a picture of the other folder to the originals that it may be a version of.
_Candidates = Callable[[Path], list[Path]]


@dataclass(frozen=True)
class LooseMatch:
    """The result of pairing by similar names; paths are relative to the folders.

    Attributes:
        partners: from originals to their partners.
        doubts: for ambiguous pictures of either side, why they have no partner.
        left: others without an original.
    """

    partners: dict[Path, Path]
    doubts: dict[Path, str]
    left: list[Path]


def pair_loosely(
    originals: Sequence[Path], others: Sequence[Path], named: Callable[[Path], str | None] | None = None
) -> LooseMatch:
    """Match pictures by similar names within the same sub-folder.

    From strict to loose, each step on what the previous one left: the same name; the same stem (``a.heic``,
    ``a.png``); a stem with an ending, as added by a job's ``--name`` (``a``, ``a-x4``; ``a.jpg``, ``a-jpg``); then the
    other way round. Ambiguous pictures are not paired: a wrong pair would show differences that do not exist.

    Args:
        originals: paths relative to their folder.
        others: paths relative to theirs.
        named: returns the stem of an original's partner; replaces the steps.
    """
    partners: dict[Path, Path] = {}
    doubts: dict[Path, str] = {}
    ours, theirs = list(originals), list(others)
    for step in (_by_rule(named),) if named else _STEPS:
        candidates = step(ours)
        claims: dict[Path, list[Path]] = {other: found for other in theirs if (found := candidates(other))}
        _settle(claims, partners, doubts)
        ours = [path for path in ours if path not in partners and path not in doubts]
        taken = set(partners.values())
        theirs = [path for path in theirs if path not in taken and path not in doubts]
    taken = set(partners.values())
    left = [path for path in others if path not in taken]
    return LooseMatch(partners, doubts, left)


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
        why = f"{names} may belong to the same picture: give the naming rule with --name, or rename one"
        doubts[path] = why
        doubts.update(dict.fromkeys(by, why))


def _key(name: str) -> str:
    """Normalize a name, so that different encodings of accents are equal."""
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
    """Match names that extend an original's; the longest match wins: ``a-b`` before ``a`` for ``a-b-x4``."""
    index = _index(ours, _beginnings)

    def candidates(other: Path) -> list[Path]:
        stem = other.stem
        cuts = [len(stem), *(i for i in range(len(stem) - 1, 0, -1) if stem[i] in _SEPARATORS)]
        return next((found for cut in cuts if (found := index.get(_at(other, stem[:cut])))), [])

    return candidates


def _shorter_name(ours: Sequence[Path]) -> _Candidates:
    """Match originals whose names extend the other's, as with degraded pictures."""
    by_theirs: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in ours:
        for cut in (i for i, letter in enumerate(path.stem) if i and letter in _SEPARATORS):
            by_theirs[_at(path, path.stem[:cut])].append(path)
    return lambda other: by_theirs.get(_at(other, other.stem), [])


def _beginnings(path: Path) -> list[str]:
    ending = path.suffix[1:]
    return [path.stem, *(f"{path.stem}{mark}{ending}" for mark in "-_." if ending)]


_STEPS = (_same_name, _same_stem, _longer_name, _shorter_name)


def _by_rule(named: Callable[[Path], str | None]) -> Callable[[Sequence[Path]], _Candidates]:
    def step(ours: Sequence[Path]) -> _Candidates:
        index = _index(ours, lambda path: [name] if (name := named(path)) is not None else [])
        return lambda other: index.get(_at(other, other.stem), [])

    return step
