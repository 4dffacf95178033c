"""Find the pictures to measure and their low-resolution files; recognizes the benchmarks' usual folder layouts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.files.listing import glob_pictures, list_pictures
from restore.files.pairing import NameRule, index_stems, pick_partner, stem_below
from restore.imaging.formats import PHOTO_SUFFIXES

# Benchmarks by folder name, in lower case without punctuation, with their number of pictures.
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
    """The pictures of a measurement.

    Attributes:
        folder: the references' names are relative to it.
        references: the ground truth pictures.
        lows: the low-resolution file of each; None if they must be made.
        scale: according to the folder, if it has one.
        description: description of the recognized benchmark, for the protocol; empty if there is none.
        chosen: whether the references were selected from more pictures by a pattern.
    """

    folder: Path
    references: list[Path]
    lows: dict[Path, Path] | None = None
    scale: int | None = None
    description: str = ""
    chosen: bool = False


def find_sources(
    folder: Path, pattern: str | None, low_folder: Path | None, rename: NameRule | None, scale: int | None
) -> Sources:
    """Find the pictures of a folder.

    Args:
        folder: references, or a benchmark in one of its usual layouts.
        pattern: selects files; None for all, or for those of a recognized benchmark.
        low_folder: existing low-resolution files; None for those of a recognized benchmark, or to make them.
        rename: how a low-resolution file is named after its reference; None if both have the same name, or the
            low-resolution one has ``x`` and the scale appended.
        scale: factor from the low resolution to the references, if known.

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
    """The pictures of a folder that match a pattern, sorted, without hidden ones.

    Raises:
        DataError: no such folder, no such picture, or an invalid pattern.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    try:
        found = glob_pictures(folder, pattern)
    except ValueError as error:  # from pathlib: the pattern is empty, or has ** within a name
        raise DataError(
            f"--pattern {pattern!r} is not valid in {folder}: write it relative to the folder, for example '*_HR.png'"
        ) from error
    if not found:
        raise DataError(f"{folder}: no pictures match '{pattern}' (looked for {', '.join(sorted(PHOTO_SUFFIXES))})")
    return found


_SAME = NameRule.parse("{stem}={stem}")


def _scaled(scale: int) -> NameRule:
    return NameRule.parse(f"{{stem}}x{scale}")


def _lows(folder: Path, references: Sequence[Path], low_folder: Path, rules: Sequence[NameRule]) -> dict[Path, Path]:
    """The low-resolution file of each picture: in the same subfolder of the other folder, or at its top level."""
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
    """A benchmark in one of the known layouts; None for other folders."""
    for layout in (_edsr, _basicsr, _side_by_side):
        found = layout(folder, scale)
        if found is not None:
            return found
    return None


def _edsr(folder: Path, scale: int | None) -> Sources | None:
    """The layout of EDSR and DIV2K: HR/baby.png, LR_bicubic/X2/babyx2.png."""
    high, low = folder / "HR", folder / "LR_bicubic"
    if not high.is_dir():
        return None
    references = matching_pictures(high)
    given = low / f"X{scale}"
    if scale is None or not given.is_dir():
        return Sources(high, references, None, None, _description(folder, references, "HR"))
    lows = _lows(high, references, given, [_scaled(scale), _SAME])
    return Sources(high, references, lows, scale, _description(folder, references, f"HR and LR_bicubic/X{scale}"))


def _basicsr(folder: Path, scale: int | None) -> Sources | None:
    """The layout of BasicSR: GTmod12/baby.png, LRbicx2/baby.png."""
    high, low = folder / "GTmod12", folder / f"LRbicx{scale}"
    if not high.is_dir():
        return None
    references = matching_pictures(high)
    if scale is None or not low.is_dir():
        return Sources(high, references, None, None, _description(folder, references, "GTmod12"))
    lows = _lows(high, references, low, [_SAME])
    return Sources(high, references, lows, scale, _description(folder, references, f"GTmod12 and {low.name}"))


def _side_by_side(folder: Path, scale: int | None) -> Sources | None:
    """The layout of SelfExSR: a folder x2 or image_SRF_2 with img_001_SRF_2_HR.png and img_001_SRF_2_LR.png."""
    if not _ends(folder, "_HR"):
        places = {int(m[1]): p for p in sorted(folder.iterdir()) if (m := _FILES_OF_X.fullmatch(p.name)) and p.is_dir()}
        places = {number: place for number, place in places.items() if _ends(place, "_HR")}
        if not places:
            return None
        if scale not in places:
            there = ", ".join(place.name for place in places.values())
            raise DataError(
                f"{folder}: no pictures for {f'scale {scale}' if scale else 'an unknown scale'}, only {there}: "
                "give one of these folders, or its scale with --scale"
            )
        folder = places[scale]
    references = _ends(folder, "_HR")
    named = _FILES_OF_X.fullmatch(folder.name)
    own = int(named[1]) if named else scale
    set_folder = folder.parent if named else folder
    # The low-resolution files of another scale are of no use for this one.
    if not _ends(folder, "_LR") or (scale is not None and own != scale):
        return Sources(folder, references, None, own, _description(set_folder, references, "*_HR"))
    lows = _lows(folder, references, folder, [NameRule.parse("_HR=_LR")])
    where = f"{folder.name}/" if named else ""
    return Sources(folder, references, lows, own, _description(set_folder, references, f"{where}*_HR and {where}*_LR"))


def _ends(folder: Path, ending: str) -> list[Path]:
    """The pictures whose stem has this ending."""
    return glob_pictures(folder, f"*{ending}.*")


def counted(pictures: Sequence[Path]) -> str:
    """The number of pictures, for messages."""
    return f"{len(pictures)} picture{'' if len(pictures) == 1 else 's'}"


def _description(folder: Path, references: Sequence[Path], layout: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", folder.resolve().name.lower())
    name, count = _SETS.get(plain, (folder.resolve().name, len(references)))
    short = "" if count == len(references) else f", expected {count}"
    return f"{name} ({counted(references)}{short}), by its layout {layout}"
