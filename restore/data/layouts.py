"""Pairs of data sets with their inputs and targets in sister folders, or with several inputs of each target."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.files.pairing import index_stems, listed

_SISTERS = re.compile(r"([^/\\{}*=]+)/=([^/\\{}*=]+)/")
_SEVERAL = re.compile(r"\{(?:stem|name)\}([^/\\{}*=]+)\*")

Stems = Mapping[str, Path]


class Layout(ABC):
    """How the inputs of a data set lie beside its targets."""

    @abstractmethod
    def match(self, low: Stems, high: Stems) -> list[tuple[Path, Path]]:
        """Pairs of input and target, in the order of the inputs' names.

        Args:
            low: pictures among which the inputs are, by path below their folder, with ``/`` and without suffix.
            high: those among which the targets are.

        Raises:
            DataError: a picture has no partner.
        """


@dataclass(frozen=True)
class SisterFolders(Layout):
    """``sharp/=blur/``: the target ``a/sharp/1.png`` has the input ``a/blur/1.png``. Other folders are left out."""

    target: str
    input: str

    def match(self, low: Stems, high: Stems) -> list[tuple[Path, Path]]:
        targets = {partner: path for stem, path in high.items() if (partner := self._sister(stem)) is not None}
        inputs = {stem: path for stem, path in low.items() if self.input in stem.split("/")[:-1]}
        alone = [path for stem, path in targets.items() if stem not in inputs]
        alone += [path for stem, path in inputs.items() if stem not in targets]
        if alone or not targets:
            what = listed(alone) or "no picture"
            raise DataError(f"{what}: no partner by '{self.target}/={self.input}/'; add the partners, or remove them")
        return [(inputs[stem], targets[stem]) for stem in sorted(targets)]

    def _sister(self, stem: str) -> str | None:
        *folders, name = stem.split("/")
        if self.target not in folders:
            return None
        return "/".join([self.input if folder == self.target else folder for folder in folders] + [name])


@dataclass(frozen=True)
class SeveralInputs(Layout):
    """``{stem}_*``: the target ``1.png`` has the inputs ``1_1.png``, ``1_2.png`` and so on."""

    separator: str

    def match(self, low: Stems, high: Stems) -> list[tuple[Path, Path]]:
        found = {stem: self._target(stem, high) for stem in low}
        alone = [low[stem] for stem, target in found.items() if target is None]
        used = {target for target in found.values() if target is not None}
        alone += [path for stem, path in high.items() if stem not in used]
        if alone:
            rule = f"{{stem}}{self.separator}*"
            raise DataError(f"{listed(alone)}: no partner by '{rule}'; add the partners, or remove them")
        return [(low[stem], high[target]) for stem, target in sorted(found.items()) if target is not None]

    def _target(self, stem: str, high: Stems) -> str | None:
        """The longest beginning of an input's name that is a target's."""
        end = len(stem)
        while (end := stem.rfind(self.separator, 0, end)) > stem.rfind("/"):
            if stem[:end] in high:
                return stem[:end]
        return None


def layout_of(template: str) -> Layout | None:
    """The layout that a template describes; None if it is a rule of names."""
    if found := _SISTERS.fullmatch(template):
        return SisterFolders(found[1], found[2])
    if found := _SEVERAL.fullmatch(template):
        return SeveralInputs(found[1])
    return None


def match_layout(
    layout: Layout, low: tuple[Path, Sequence[Path]], high: tuple[Path, Sequence[Path]]
) -> list[tuple[Path, Path]]:
    """Pairs of input and target; see :meth:`Layout.match`.

    Args:
        layout: of the data set.
        low: the folder of the inputs, and its pictures.
        high: that of the targets; it may be the same.

    Raises:
        DataError: a picture has no partner, or two pictures differ only in the suffix.
    """
    return layout.match(_one_each(*low), _one_each(*high))


def _one_each(folder: Path, pictures: Sequence[Path]) -> Stems:
    index = index_stems(folder, pictures)
    for stem, paths in index.items():
        if len(paths) > 1:
            raise DataError(f"{paths[0]} and {paths[1]} are both '{stem}': keep only one")
    return {stem: paths[0] for stem, paths in index.items()}
