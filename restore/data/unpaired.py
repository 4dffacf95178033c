"""Two sets of photographs that have nothing to do with each other but what they are: backlit and well lit, say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, list_photos, photo_sizes
from restore.data.places import Places, generator, orient
from restore.errors import DataError


class UnpairedPatches(PairDataset):
    """Patches of two sets, drawn, turned and flipped independently of each other.

    ``dataset[i]`` is a patch of the first set (3, patch, patch) and one of the second (3, scale * patch,
    scale * patch), and depends on ``seed`` and ``i`` alone. A photograph is drawn in proportion to its area.

    Args:
        first: folders of the pictures to restore.
        second: folders of pictures as they should be.
        patch: side of the first patch.
        seed: of the samples.
        scale: side of the second patch over that of the first.
        budget: bytes of decoded pixels to keep in memory, of both sets together.

    Raises:
        DataError: a folder is missing, empty, or inside a folder of the other set; no photograph of a set is large
            enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        first: Sequence[Path],
        second: Sequence[Path],
        patch: int,
        seed: int,
        scale: int = 1,
        budget: int = 4 * 2**30,
    ) -> None:
        self.scale, self.patch, self.seed = scale, patch, seed
        photos = two_sets(first, second)
        self.store = PhotoStore([*photos[0], *photos[1]], budget)
        self._begins = 0, len(photos[0])
        self._places = Places(photo_sizes(photos[0]), patch), Places(photo_sizes(photos[1]), patch * scale)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        return self._patch(0, draw), self._patch(1, draw)

    def _patch(self, which: int, draw: np.random.Generator) -> NDArray[np.uint8]:
        places = self._places[which]
        photo = self.store[self._begins[which] + places.photo(draw)]
        top, left = places.corner(photo, draw)
        return orient(photo[top : top + places.patch, left : left + places.patch], int(draw.integers(0, 8)))


def two_sets(first: Sequence[Path], second: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The photographs of both sets.

    Raises:
        DataError: a folder is missing, empty, or inside a folder of the other set.
    """
    for a in first:
        for b in second:
            inner, outer = sorted((a.resolve(), b.resolve()), key=lambda path: -len(path.parts))
            if inner == outer:
                raise DataError(f"{a} is in both sets: a network cannot tell them apart; give two folders")
            if inner.is_relative_to(outer):
                raise DataError(
                    f"{inner} is inside {outer}, so its pictures are in both sets: give two separate folders"
                )
    return list_photos(first), list_photos(second)
