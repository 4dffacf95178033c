"""Pairs of pictures from two folders: matches names and checks sizes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.folder import list_photos
from restore.data.layouts import layout_of, match_layout
from restore.data.template_hint import template_hint
from restore.errors import DataError
from restore.files.pairing import NameRule, index_stems, pair_strictly

# File names listed in a message; the rest are counted.
_NAMED = 5


def match_photos(low_folder: Path, high_folder: Path, template: str | None = None) -> list[tuple[Path, Path]]:
    """Match the pictures of two folders by their path below the folder, without the suffix.

    Args:
        low_folder: folder of the inputs.
        high_folder: folder of the targets; with a template, it may be the same folder.
        template: how inputs are named after their targets; see :class:`restore.files.pairing.NameRule` and
            :mod:`restore.data.layouts`.

    Returns:
        Pairs of input and target, in order.

    Raises:
        DataError: a folder is missing or empty, both are the same, a picture has no partner, or two pictures of a
            folder differ only in the suffix.
        ValueError: the template is malformed.
    """
    if template is not None and (layout := layout_of(template)) is not None:
        return match_layout(layout, (low_folder, list_photos([low_folder])), (high_folder, list_photos([high_folder])))
    rule = None if template is None else NameRule.parse(template)
    if rule is None and low_folder.resolve() == high_folder.resolve():
        raise DataError(f"{low_folder}: both sides of the pairs are this folder; give one folder for each side")
    low, high = list_photos([low_folder]), list_photos([high_folder])
    try:
        return pair_strictly((low_folder, low), (high_folder, high), rule)
    except DataError as error:
        hint = template_hint(index_stems(low_folder, low), index_stems(high_folder, high))
        if not hint or hint == template:
            raise
        raise DataError(f"{error}\nThe names fit the template {hint!r}") from error


def common_scale(
    pairs: Collection[tuple[Path, Path]], low: NDArray[np.int64], high: NDArray[np.int64], scale: int | None = None
) -> int:
    """The scale between the pictures of all pairs.

    The second picture may have up to ``scale - 1`` extra rows and columns at the bottom and right, as it does before
    the crop to a multiple of the scale that is usual in the literature.

    Args:
        pairs: the pairs, for error messages.
        low: (N, 2), heights and widths of the first pictures; 0 for both of a pair that cannot be read.
        high: (N, 2), heights and widths of the second pictures.
        scale: the required scale; by default, that of the first pair.

    Raises:
        DataError: the sizes of a pair do not fit the scale.
    """
    readable = np.flatnonzero(low.all(axis=1))
    if not len(readable):
        raise DataError("no pair of pictures can be read")
    first = int(readable[0])
    fits = scale or max(1, int(high[first, 0] // low[first, 0]))
    wrong = np.flatnonzero((high // fits != low).any(axis=1))
    if not len(wrong):
        return fits
    others = high[readable] // np.maximum(low[readable], 1)
    if scale and len(wrong) == len(low) and (others == others[0, 0]).all() and others[0, 0] > 0:
        a, b = next(iter(pairs))
        raise DataError(
            f"the scale is {scale}, but the second picture of every pair is {others[0, 0]} times as wide and high, "
            f"such as {b} ({high[0, 1]} x {high[0, 0]}) and {a} ({low[0, 1]} x {low[0, 0]}): set scale: {others[0, 0]}"
        )
    expected = f"the scale is {fits}" if scale else f"the first pair has scale {fits}"
    named = [
        f"{a} ({low[i, 1]} x {low[i, 0]}) and {b} ({high[i, 1]} x {high[i, 0]})"
        for i, (a, b) in enumerate(pairs)
        if i in wrong[:_NAMED]
    ]
    raise DataError(
        f"{expected}, but {_listed(named, len(wrong))} {'does' if len(wrong) == 1 else 'do'} not fit it: "
        "the second picture must be exactly that many times as wide and high"
    )


def refuse_turned(pair: tuple[Path, Path], low: NDArray[np.uint8], high: NDArray[np.uint8], scale: int) -> None:
    """Check the decoded sizes of a pair: their headers agreed, but XMP may have rotated one of them.

    Raises:
        DataError: the decoded pictures (H, W, 3) do not fit the scale.
    """
    if (high.shape[0] // scale, high.shape[1] // scale) != low.shape[:2]:
        raise DataError(f"{pair[0]} and {pair[1]} have different orientations; save both upright")


def _listed(names: list[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
