"""Two folders with pictures of the same names: which belong together, and whether their sizes fit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.folder import list_photos
from restore.errors import DataError
from restore.files.pairing import NameRule, pair_strictly

# File names in a message; the rest is counted.
_NAMED = 5


def match_photos(low_folder: Path, high_folder: Path, template: str | None = None) -> list[tuple[Path, Path]]:
    """The pictures of two folders, matched by their path below the folder without the suffix, in order.

    Args:
        low_folder: of the inputs.
        high_folder: of the targets; with a template it may be the same folder.
        template: how an input is named after its target, as :class:`restore.files.pairing.NameRule` reads it.

    Raises:
        DataError: a folder is missing, empty or the other one, a picture has no partner, or two pictures of a folder
            differ in the suffix alone.
        ValueError: the template is malformed.
    """
    rule = None if template is None else NameRule.parse(template)
    if rule is None and low_folder.resolve() == high_folder.resolve():
        raise DataError(f"{low_folder}: both sides of the pairs are this folder: give one of each resolution")
    low, high = list_photos([low_folder]), list_photos([high_folder])
    return pair_strictly((low_folder, low), (high_folder, high), rule)


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


def _listed(names: list[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
