"""Pairs of photographs that were taken, or made, in both resolutions: two folders with the same names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, list_photos, photo_sizes
from restore.data.places import Places, generator, orient
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


class FolderPairs(PairDataset):
    """Aligned patches of pairs of pictures, turned and flipped alike.

    ``dataset[i]`` is low (3, patch, patch) and high (3, scale * patch, scale * patch), and depends on ``seed`` and
    ``i`` alone. A pair is drawn in proportion to its area. The scale is 1 where both have the same size, as for
    denoising.

    Args:
        pairs: a picture to restore and what should come of it, such as :func:`match_photos` gives.
        patch: side of the low-resolution patch.
        seed: of the samples.
        scale: what the factor must be; by default it is inferred.
        budget: bytes of decoded pixels to keep in memory, of both sides together.

    Raises:
        DataError: the sizes fit no common scale, or no picture is large enough for a patch.
        ImageError: a picture cannot be read.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Path, Path]],
        patch: int,
        seed: int,
        scale: int | None = None,
        budget: int = 4 * 2**30,
    ) -> None:
        self.patch, self.seed = patch, seed
        self.pairs = list(pairs)
        low, high = (list(side) for side in zip(*self.pairs, strict=True))
        sizes = photo_sizes(low)
        self.scale = common_scale(self.pairs, sizes, photo_sizes(high), scale)
        # One store, so that the budget goes where it is needed.
        self.store = PhotoStore([*low, *high], budget)
        self._places = Places(sizes, patch)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        which = self._places.photo(draw)
        low, high = self.store[which], self.store[which + len(self.pairs)]
        refuse_turned(self.pairs[which], low, high, self.scale)
        top, left = self._places.corner(low, draw)
        turn = int(draw.integers(0, 8))
        sides = ((low, 1), (high, self.scale))
        first, second = (image[_square(top * unit, left * unit, self.patch * unit)] for image, unit in sides)
        return orient(first, turn), orient(second, turn)


def refuse_turned(pair: tuple[Path, Path], low: NDArray[np.uint8], high: NDArray[np.uint8], scale: int) -> None:
    """Refuse a pair whose headers agreed in size: what turns one of them stands elsewhere, in XMP.

    Raises:
        DataError: the decoded pictures (H, W, 3) do not fit the scale.
    """
    if (high.shape[0] // scale, high.shape[1] // scale) != low.shape[:2]:
        raise DataError(f"{pair[0]} and {pair[1]} are not turned alike: save both upright")


def _square(top: int, left: int, side: int) -> tuple[slice, slice]:
    return slice(top, top + side), slice(left, left + side)


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
