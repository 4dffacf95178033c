"""Which pictures are measured, and which low-resolution file belongs to each; the benchmarks' folders are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.files.listing import glob_pictures, list_pictures
from restore.files.pairing import NameRule, index_stems, pick_partner, stem_below
from restore.imaging.formats import PHOTO_SUFFIXES

# The benchmarks by their folder's name, in small letters without marks, and how many pictures each has.
_SETS = {
    "set5": ("Set5", 5),
    "set14": ("Set14", 14),
    "b100": ("BSD100", 100),
    "bsd100": ("BSD100", 100),
    "bsds100": ("BSD100", 100),
    "urban100": ("Urban100", 100),
    "manga109": ("Manga109", 109),
}
_FILES_OF_X = re.compile(r"(?:x|X|image_SRF_)(\d)")


@dataclass(frozen=True)
class Sources:
    """What a measurement is made on.

    Attributes:
        folder: that the references' names are relative to.
        references: the pictures as they should be.
        lows: the low-resolution file of each; None where they are to be made.
        scale: that the folder says, if it does.
        said: what was recognized, for the protocol; empty where nothing was.
        chosen: whether the references are those that match a pattern, among others.
    """

    folder: Path
    references: list[Path]
    lows: dict[Path, Path] | None = None
    scale: int | None = None
    said: str = ""
    chosen: bool = False


def find_sources(
    folder: Path, pattern: str | None, low_folder: Path | None, rename: NameRule | None, scale: int | None
) -> Sources:
    """The pictures of a folder.

    Args:
        folder: of references, or of a benchmark in one of its usual layouts.
        pattern: which of its files; None for all, or those of a recognized benchmark.
        low_folder: given low-resolution files; None for those of a recognized benchmark, or to make them.
        rename: how a low-resolution file is named after its reference; None where both have one name, or the
            low-resolution one ends in ``x`` and the scale.
        scale: how many times as large the references are, if it is known.

    Raises:
        DataError: no such folder, no pictures, or a low-resolution file is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    if pattern is None and low_folder is None:
        known = _recognized(folder, scale)
        if known is not None:
            return known
    references = matching_pictures(folder, pattern or "*")
    if low_folder is None:
        return Sources(folder, references, chosen=pattern is not None)
    rules = [rename] if rename else [_SAME, *([_scaled(scale)] if scale else [])]
    lows = _lows(folder, references, low_folder, rules)
    return Sources(folder, references, lows, scale, chosen=pattern is not None)


def matching_pictures(folder: Path, pattern: str = "*") -> list[Path]:
    """The pictures of a folder that match a pattern, in order, hidden ones left out.

    Raises:
        DataError: there is no such folder or no such picture, or the pattern is none of files in a folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    try:
        found = glob_pictures(folder, pattern)
    except ValueError as error:  # of pathlib: it is empty, or has ** within a name
        raise DataError(
            f"--pattern {pattern!r} cannot be looked for in {folder}: write it relative to the folder, for example "
            "'*_HR.png'"
        ) from error
    if not found:
        raise DataError(f"{folder}: no pictures match '{pattern}' (looked for {', '.join(sorted(PHOTO_SUFFIXES))})")
    return found


_SAME = NameRule.parse("{stem}={stem}")


def _scaled(scale: int) -> NameRule:
    return NameRule.parse(f"{{stem}}x{scale}")


def _lows(folder: Path, references: Sequence[Path], low_folder: Path, rules: Sequence[NameRule]) -> dict[Path, Path]:
    """The low-resolution file of each picture: in the same sub-folder of the other folder, or at its top."""
    if not low_folder.is_dir():
        raise DataError(f"{low_folder}: no such folder of low-resolution files")
    index = index_stems(low_folder, list_pictures(low_folder))
    lows: dict[Path, Path] = {}
    for path in references:
        stems = [name for rule in rules for own in (stem_below(folder, path), path.stem) if (name := rule.below(own))]
        low = pick_partner(path, stems, index)
        if low is None:
            looked = " and ".join(repr(stem) for stem in dict.fromkeys(stems)) or f"names by {rules[0].text!r}"
            raise DataError(
                f"{low_folder}: the low-resolution file of {path.name} is missing (looked for {looked}; see --lr-name)"
            )
        lows[path] = low
    return lows


def _recognized(folder: Path, scale: int | None) -> Sources | None:
    """A benchmark's folder, or None if it has no layout of theirs."""
    for layout in (_edsr, _basicsr, _side_by_side):
        found = layout(folder, scale)
        if found is not None:
            return found
    return None


def _edsr(folder: Path, scale: int | None) -> Sources | None:
    """EDSR's and DIV2K's: HR/baby.png, LR_bicubic/X2/babyx2.png."""
    high, low = folder / "HR", folder / "LR_bicubic"
    if not high.is_dir():
        return None
    references = matching_pictures(high)
    given = low / f"X{scale}"
    if scale is None or not given.is_dir():
        return Sources(high, references, None, None, _said(folder, references, "HR"))
    lows = _lows(high, references, given, [_scaled(scale), _SAME])
    return Sources(high, references, lows, scale, _said(folder, references, f"HR and LR_bicubic/X{scale}"))


def _basicsr(folder: Path, scale: int | None) -> Sources | None:
    """BasicSR's: GTmod12/baby.png, LRbicx2/baby.png."""
    high, low = folder / "GTmod12", folder / f"LRbicx{scale}"
    if not high.is_dir():
        return None
    references = matching_pictures(high)
    if scale is None or not low.is_dir():
        return Sources(high, references, None, None, _said(folder, references, "GTmod12"))
    lows = _lows(high, references, low, [_SAME])
    return Sources(high, references, lows, scale, _said(folder, references, f"GTmod12 and {low.name}"))


def _side_by_side(folder: Path, scale: int | None) -> Sources | None:
    """SelfExSR's: a folder x2 or image_SRF_2 with img_001_SRF_2_HR.png beside img_001_SRF_2_LR.png."""
    if not _ends(folder, "_HR"):
        places = {int(m[1]): p for p in sorted(folder.iterdir()) if (m := _FILES_OF_X.fullmatch(p.name)) and p.is_dir()}
        places = {number: place for number, place in places.items() if _ends(place, "_HR")}
        if not places:
            return None
        if scale not in places:
            there = ", ".join(place.name for place in places.values())
            raise DataError(
                f"{folder}: there is nothing for a scale of {scale or 'unknown size'} here, only {there}: "
                "name one of these folders, or its scale with --scale"
            )
        folder = places[scale]
    references = _ends(folder, "_HR")
    named = _FILES_OF_X.fullmatch(folder.name)
    own = int(named[1]) if named else scale
    set_folder = folder.parent if named else folder
    # Beside pictures for another scale lie low-resolution files that are none for this one.
    if not _ends(folder, "_LR") or (scale is not None and own != scale):
        return Sources(folder, references, None, own, _said(set_folder, references, "*_HR"))
    lows = _lows(folder, references, folder, [NameRule.parse("_HR=_LR")])
    where = f"{folder.name}/" if named else ""
    return Sources(folder, references, lows, own, _said(set_folder, references, f"{where}*_HR and {where}*_LR"))


def _ends(folder: Path, ending: str) -> list[Path]:
    """The pictures whose name ends so."""
    return glob_pictures(folder, f"*{ending}.*")


def counted(pictures: Sequence[Path]) -> str:
    """How many there are, in words."""
    return f"{len(pictures)} picture{'' if len(pictures) == 1 else 's'}"


def _said(folder: Path, references: Sequence[Path], layout: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", folder.resolve().name.lower())
    name, count = _SETS.get(plain, (folder.resolve().name, len(references)))
    short = "" if count == len(references) else f", of which it should have {count}"
    return f"{name} ({counted(references)}{short}), by its layout {layout}"
