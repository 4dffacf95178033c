"""Pairs to learn filters from: photographs under a filter, and as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.filters.options import PhotoFilters, draw_filter, filtered, label, open_filters, posted, varied
from restore.data.lighting.photo_views import PhotoViews
from restore.data.places import generator


class FilteredPairs(PhotoViews[PhotoFilters]):
    """Views of photographs under a filter, and as they are, each (3, side, side); ``label(i)`` says the filter.

    ``root`` is what lookup tables among the filters are relative to.

    Raises:
        DataError: no photograph is large enough.
        FilterError: a lookup table cannot be read.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        side: int,
        seed: int,
        options: PhotoFilters,
        budget: int = 4 * 2**30,
        root: Path = Path(),
    ) -> None:
        super().__init__(paths, side, seed, options, budget)
        self.filters = open_filters(options, root)

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        chosen = draw_filter(self.options, draw)
        view = self.view(draw)
        if self.options.vary:
            view = varied(view, self.options.vary, draw)
        return posted(filtered(view, chosen, self.filters), view, self.options, draw)

    def label(self, number: int) -> int:
        return label(self.options, draw_filter(self.options, generator(self.seed, number)))
