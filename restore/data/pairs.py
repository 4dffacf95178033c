"""Two folders with pictures of the same names: which belong together, and whether their sizes fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.folder import list_photos
from restore.errors import DataError

# File names in a message; the rest is counted.
_NAMED = 5


def match_photos(low_folder: Path, high_folder: Path) -> list[tuple[Path, Path]]:
    """The pictures of two folders, matched by their path below the folder without the ending, in order.

    Raises:
        DataError: a folder is missing, empty or the other one, a picture has no partner, or two pictures of a folder
            differ in the ending alone.
    """
    if low_folder.resolve() == high_folder.resolve():
        raise DataError(f"{low_folder}: both sides of the pairs are this folder: give one of each resolution")
    low, high = _by_stem(low_folder), _by_stem(high_folder)
    alone = [_alone(low, high, high_folder), _alone(high, low, low_folder)]
    if any(alone):
        raise DataError("\n".join(text for text in alone if text))
    return [(low[stem], high[stem]) for stem in sorted(low)]


def common_scale(
    pairs: Collection[tuple[Path, Path]], low: NDArray[np.int64], high: NDArray[np.int64], scale: int | None = None
) -> int:
    """How many times as large the second picture of every pair is.

    Up to ``scale - 1`` rows and columns more, at the bottom and the right, are allowed, as before the crop to a
    multiple that the literature makes.

    Args:
        pairs: what messages name.
        low: (N, 2), heights and widths.
        high: (N, 2), the same.
        scale: what it must be; by default, what the first pair says.

    Raises:
        DataError: no whole number fits a pair, or not the same one fits all.
    """
    fits = scale or max(1, int(high[0, 0] // low[0, 0]))
    wrong = np.flatnonzero((high // fits != low).any(axis=1))
    if not len(wrong):
        return fits
    says = f"scale {fits} was asked for" if scale else f"the first pair says scale {fits}"
    named = [
        f"{a} ({low[i, 1]} x {low[i, 0]}) and {b} ({high[i, 1]} x {high[i, 0]})"
        for i, (a, b) in enumerate(pairs)
        if i in wrong[:_NAMED]
    ]
    raise DataError(
        f"{says}, and {_listed(named, len(wrong))} {'does' if len(wrong) == 1 else 'do'} not fit it: "
        "the second must be that many times as wide and as high"
    )


def refuse_turned(pair: tuple[Path, Path], low: NDArray[np.uint8], high: NDArray[np.uint8], scale: int) -> None:
    """Refuse a pair whose headers agreed in size: what turns one of them stands elsewhere, in XMP.

    Raises:
        DataError: the decoded pictures (H, W, 3) do not fit the scale.
    """
    if (high.shape[0] // scale, high.shape[1] // scale) != low.shape[:2]:
        raise DataError(f"{pair[0]} and {pair[1]} are not turned alike: save both upright")


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their relative path without the ending."""
    found: dict[str, Path] = {}
    for path in list_photos([folder]):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise DataError(f"{found[stem]} and {path} both are '{stem}': keep one, so that it is clear which is meant")
        found[stem] = path
    return found


def _alone(here: Mapping[str, Path], there: Mapping[str, Path], other: Path) -> str:
    """What is said of the pictures without a partner; empty when all have one."""
    missing = [str(path) for stem, path in sorted(here.items()) if stem not in there]
    if not missing:
        return ""
    verb, what = ("has", "it") if len(missing) == 1 else ("have", "them")
    return (
        f"{_listed(missing[:_NAMED], len(missing))} {verb} no picture of the same name in {other}: "
        f"add the partner, or take {what} out"
    )


def _listed(names: list[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
