"""Backlit inputs, synthesized from good photographs: ``data: {train: [...], backlight: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.dataset import PairDataset
from restore.data.lighting.backlight import Backlight, backlit, low_key, well_lit
from restore.data.lighting.photo_views import PhotoViews
from restore.data.sampling import generator
from restore.data.sources.base import DataContext, DataOptions, PhotoSource
from restore.data.sources.samples import Sample, readable, small, validation_generator

# Attempts to draw a view that is bright enough to be a target.
_TRIES = 8


class BacklitData(DataOptions):
    """Keys of ``data:`` for synthetic backlight."""

    backlight: Backlight | None = Field(None, description="synthesize backlit inputs, at scale 1; null for none")


class BacklitSource(PhotoSource[BacklitData]):
    """Good photographs as targets, and backlit versions as inputs."""

    key = "backlight"
    fields = BacklitData
    same_size = "backlight"
    whole = True

    @property
    def backlight(self) -> Backlight:
        """Options of the synthesis."""
        assert self.options.backlight is not None
        return self.options.backlight

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        return BacklitPairs(photos, self.options.patch, context.seed, self.backlight, context.budget)

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        return backlit_samples(photos, context.crop, self.backlight, context.seed, context.skipped)


class BacklitPairs(PhotoViews[Backlight]):
    """Views of good photographs, backlit and unchanged, each (3, side, side).

    All photographs are equally likely, except dark ones: see :attr:`Backlight.least`.
    """

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        for _ in range(_TRIES):
            good = self.view(draw)
            if well_lit(good, self.options):
                break
            if low_key(good, self.options):
                return good.copy(), good
        return backlit(good, self.options, draw), good


def backlit_samples(
    paths: Sequence[Path], crop: int, options: Backlight, seed: int, skipped: list[str] | None = None
) -> list[Sample]:
    """Each picture reduced to ``crop`` pixels on its longer side, and a backlit version of it.

    No input is left untouched, as such a sample would measure nothing. Pictures that are too dark to train on are
    skipped, unless all of them are.

    Raises:
        ImageError: a picture cannot be read.
    """
    options, samples = options.model_copy(update={"untouched": 0.0}), []
    pictures = [(number, path, small(pixels, crop)) for number, path, pixels in readable(paths, skipped)]
    bright = [one for one in pictures if well_lit(one[2], options)]
    for number, path, good in bright or pictures:
        samples.append(Sample(path.stem, backlit(good, options, validation_generator(seed, number)), good))
    return samples
