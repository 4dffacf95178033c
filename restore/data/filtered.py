"""Pairs to learn filters from: photographs under a filter, and as they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.data.filters.options import PhotoFilters, draw_filter, filtered, label, varied
from restore.data.lighting.photo_views import PhotoViews
from restore.data.places import generator


class FilteredPairs(PhotoViews[PhotoFilters]):
    """Views of photographs under a filter, and as they are, each (3, side, side); ``label(i)`` says the filter."""

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        chosen = draw_filter(self.options, draw)
        view = self.view(draw)
        if self.options.vary:
            view = varied(view, self.options.vary, draw)
        return filtered(view, chosen), view

    def label(self, number: int) -> int:
        return label(self.options, draw_filter(self.options, generator(self.seed, number)))
