"""Pairs to learn filters from: photographs under a filter, and as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.filters.options import PhotoFilters, draw_filter, filtered, label
from restore.data.folder import PhotoStore, photo_sizes
from restore.data.lighting.views import View, large_enough
from restore.data.places import generator


class FilteredPairs(PairDataset):
    """Views of photographs, with a filter and without.

    ``dataset[i]`` is the filtered view (3, side, side) and the view, and depends on ``seed`` and ``i`` alone; so does
    ``label(i)``, which says the filter. Every photograph is drawn as often.

    Args:
        paths: photographs.
        side: of a view.
        seed: of the samples.
        options: which filters.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: no photograph is large enough.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self, paths: Sequence[Path], side: int, seed: int, options: PhotoFilters, budget: int = 4 * 2**30
    ) -> None:
        self.side, self.seed, self.options = side, seed, options
        self.store = PhotoStore(paths, budget)
        self._numbers = large_enough(photo_sizes(paths), side)

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        chosen = draw_filter(self.options, draw)
        photo = self.store[int(draw.choice(self._numbers))]
        view = View(photo.shape[0], photo.shape[1], self.side, draw).of(photo)
        return filtered(view, chosen), view

    def label(self, number: int) -> int:
        return label(self.options, draw_filter(self.options, generator(self.seed, number)))
