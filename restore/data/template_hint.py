"""A guess at how the inputs of pairs are named after their targets, for the message that names do not match."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

# Rules are guessed from this many names, and this many of them are tried on all.
_LOOKED_AT, _TRIED = 8, 20


def template_hint(inputs: Collection[str], targets: Collection[str]) -> str:
    """The template that pairs all inputs or all targets, such as ``{stem}x4``; empty if none is found.

    Args:
        inputs: paths of the inputs below their folder, without the suffix.
        targets: likewise.
    """
    known, named = set(inputs), sorted(targets)
    for mark in "_-":
        heads = {_with(stem, "", mark) for stem in named}
        if len(known) > len(named) and all(any(head in heads for head in _heads(one, mark)) for one in known):
            return f"{{stem}}{mark}*"
    affixes = dict.fromkeys(_affixes(sorted(known)[:_LOOKED_AT], named))
    for before, after in islice(affixes, _TRIED):
        matched = sum(_with(stem, before, after) in known for stem in named)
        if matched == min(len(known), len(named)):
            return f"{before}{{stem}}{after}"
    return ""


def _heads(name: str, mark: str) -> Iterator[str]:
    """The beginnings of a name that end with a mark."""
    return (name[: at + 1] for at, letter in enumerate(name) if letter == mark)


def _affixes(inputs: Collection[str], targets: Collection[str]) -> Iterator[tuple[str, str]]:
    """What the names of inputs have before and after those of targets in the same folder, the longest target first."""
    by_length = sorted(targets, key=len, reverse=True)
    for one in inputs:
        folder, _, name = one.rpartition("/")
        for target in by_length:
            other, _, stem = target.rpartition("/")
            if folder == other and stem in name and stem != name:
                before, _, after = name.partition(stem)
                yield before, after


def _with(target: str, before: str, after: str) -> str:
    folders, slash, name = target.rpartition("/")
    return f"{folders}{slash}{before}{name}{after}"
