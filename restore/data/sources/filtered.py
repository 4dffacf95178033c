"""Removal of photo filters, with filtered photographs as inputs: ``data: {train: [...], filters: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.dataset import PairDataset
from restore.data.filters.options import PhotoFilters, draw_filter, filtered, label, open_filters, posted, varied
from restore.data.filters.renderings import another_look
from restore.data.lighting.photo_views import PhotoViews
from restore.data.sampling import generator
from restore.data.sources.base import DataContext, DataOptions, PhotoSource
from restore.data.sources.samples import Sample, readable, small


class FilteredData(DataOptions):
    """Keys of ``data:`` for photo filters."""

    filters: PhotoFilters | None = Field(
        None, description="apply photo filters to the inputs, at scale 1; null for none"
    )


class FilteredSource(PhotoSource[FilteredData]):
    """Photographs as targets, and the same with a photo filter as inputs."""

    key = "filters"
    fields = FilteredData
    same_size = "filters"
    whole = True

    @property
    def filters(self) -> PhotoFilters:
        """Options of the filters."""
        assert self.options.filters is not None
        return self.options.filters

    def labels(self) -> tuple[str, ...]:
        return self.filters.kinds()

    def check(self) -> None:
        if self.filters.reduced and self.options.patch % 2:
            raise ValueError(f"filters.reduced halves pictures, so patch must be even, not {self.options.patch}")

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        return FilteredPairs(photos, self.options.patch, context.seed, self.filters, context.budget, context.root)

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        return filtered_samples(photos, context.crop, self.filters, context.root, context.skipped)


def filtered_samples(
    paths: Sequence[Path],
    crop: int,
    options: PhotoFilters,
    root: Path = Path(),
    skipped: list[str] | None = None,
) -> list[Sample]:
    """Whole pictures, reduced to ``crop`` pixels on the longer side; the filters are used in turn.

    Raises:
        FilterError: a lookup table below ``root`` cannot be read.
        ImageError: a picture cannot be read.
    """
    # Not strict: the last kind, "none", has no filter.
    filters = list(zip(options.kinds(), open_filters(options, root).values(), strict=False))
    samples = []
    for number, path, pixels in readable(paths, skipped):
        good, (kind, apply) = small(pixels, crop), filters[number % len(filters)]
        samples.append(Sample(f"{path.stem}-{kind}", apply(good), good))
    return samples


class FilteredPairs(PhotoViews[PhotoFilters]):
    """Views of photographs, filtered and unchanged, each (3, side, side); ``label(i)`` is the number of the filter.

    Paths of lookup tables among the filters are relative to ``root``.

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
        if self.options.looks and draw.random() < self.options.looks:
            view = another_look(view, draw)
        return posted(filtered(view, chosen, self.filters), view, self.options, draw)

    def label(self, number: int) -> int:
        return label(self.options, draw_filter(self.options, generator(self.seed, number)))
