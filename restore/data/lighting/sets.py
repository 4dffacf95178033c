"""Views of pictures as they are there: of two unpaired sets, and of pairs of folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, photo_sizes
from restore.data.lighting.views import View, large_enough
from restore.data.pairs import common_scale, refuse_turned
from restore.data.places import generator
from restore.data.unpaired import two_sets


class UnpairedViews(PairDataset):
    """Views of two sets, drawn and mirrored independently of each other.

    ``dataset[i]`` is a view of the first set and one of the second, (3, side, side) each, and depends on ``seed`` and
    ``i`` alone. Every photograph of a set is drawn as often.

    Args:
        first: folders of the pictures to restore.
        second: folders of pictures as they should be.
        side: of a view.
        seed: of the samples.
        budget: bytes of decoded pixels to keep in memory, of both sets together.

    Raises:
        DataError: a folder is missing, empty, or inside a folder of the other set; no photograph of a set is large
            enough.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self, first: Sequence[Path], second: Sequence[Path], side: int, seed: int, budget: int = 4 * 2**30
    ) -> None:
        self.side, self.seed = side, seed
        photos = two_sets(first, second)
        self.store = PhotoStore([*photos[0], *photos[1]], budget)
        self._numbers = tuple(large_enough(photo_sizes(some), side) for some in photos)
        self._begins = 0, len(photos[0])

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        return self._view(0, draw), self._view(1, draw)

    def _view(self, which: int, draw: np.random.Generator) -> NDArray[np.uint8]:
        photo = self.store[self._begins[which] + int(draw.choice(self._numbers[which]))]
        return View(photo.shape[0], photo.shape[1], self.side, draw).of(photo)


class PairViews(PairDataset):
    """The same view of both pictures of a pair.

    ``dataset[i]`` is the view of the input and of the target, (3, side, side) each, and depends on ``seed`` and ``i``
    alone. Every pair is drawn as often.

    Args:
        pairs: a picture to restore and what should come of it, as large.
        side: of a view.
        seed: of the samples.
        budget: bytes of decoded pixels to keep in memory, of both sides together.

    Raises:
        DataError: the two of a pair differ in size, or none is large enough.
        ImageError: a picture cannot be read.
    """

    def __init__(self, pairs: Sequence[tuple[Path, Path]], side: int, seed: int, budget: int = 4 * 2**30) -> None:
        self.side, self.seed = side, seed
        self.pairs = list(pairs)
        low, high = (list(part) for part in zip(*self.pairs, strict=True))
        sizes = photo_sizes(low)
        common_scale(self.pairs, sizes, photo_sizes(high), 1)
        self.store = PhotoStore([*low, *high], budget)
        self._numbers = large_enough(sizes, side)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        which = int(draw.choice(self._numbers))
        low, high = self.store[which], self.store[which + len(self.pairs)]
        refuse_turned(self.pairs[which], low, high, 1)
        view = View(low.shape[0], low.shape[1], self.side, draw)
        return view.of(low), view.of(high)
