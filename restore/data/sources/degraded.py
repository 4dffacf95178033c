"""Blind super-resolution from photographs: ``data: {train: [...], degradation: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.dataset import PairDataset, PhotoPatches
from restore.data.degradations.options import SecondOrder
from restore.data.degradations.patch import MARGIN, degraded_patch, shrink_around
from restore.data.degradations.secondorder import second_order
from restore.data.drawings import drawing
from restore.data.folder import PhotoStore
from restore.data.sampling import generator, orient
from restore.data.sources.base import DataContext, DataOptions, PhotoSource
from restore.data.sources.bicubic import numbered_samples
from restore.data.sources.samples import Sample, validation_generator


class DegradedData(DataOptions):
    """Keys of ``data:`` for the second-order degradation."""

    degradation: SecondOrder | None = Field(
        None, description="second-order degradation of the inputs; null for bicubic only"
    )
    shrink: float = Field(
        1.0,
        ge=1,
        le=8,
        description="reduce the photographs by a random factor up to this before the degradation, for more fine detail "
        "and less of their own noise",
    )
    drawings: float = Field(
        0.0, ge=0, le=1, description="probability that a patch is synthetic line art, text or a flat area, not a photo"
    )


class DegradedSource(PhotoSource[DegradedData]):
    """Photographs as targets, and the same after a second-order degradation as inputs."""

    key = "degradation"
    fields = DegradedData

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        data = self.options
        assert data.degradation is not None
        return DegradedPairs(
            photos,
            context.scale,
            data.patch,
            context.seed,
            data.degradation,
            context.budget,
            data.shrink,
            data.drawings,
        )

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        assert self.options.degradation is not None
        return degraded_samples(
            photos, context.scale, context.crop, self.options.degradation, context.seed, context.skipped
        )


def degraded_samples(
    paths: Sequence[Path],
    scale: int,
    crop: int,
    options: SecondOrder,
    seed: int,
    skipped: list[str] | None = None,
) -> list[Sample]:
    """Central crop of each picture, at most ``crop`` pixels per side, and a degraded version, the same at every call.

    Raises:
        DataError: a picture is smaller than ``scale`` pixels.
        ImageError: a picture cannot be read.
    """
    samples = []
    for number, sample in numbered_samples(paths, scale, crop, skipped):
        assert sample.high is not None
        high = np.ascontiguousarray(sample.high)
        samples.append(
            Sample(sample.name, second_order(high, scale, options, validation_generator(seed, number)), high)
        )
    return samples


class DegradedPairs(PhotoPatches):
    """Pairs for blind super-resolution from photographs.

    ``dataset[i]`` is low (3, patch, patch) and high resolution (3, scale * patch, scale * patch), and depends only on
    ``seed`` and ``i``. Photographs are drawn in proportion to their area.

    Args:
        paths: photographs.
        scale: the factor; 1 to restore without enlarging.
        patch: side of the low-resolution patch.
        seed: seed of the samples.
        options: the degradation of the low-resolution side.
        budget: bytes of decoded pixels to keep in memory.
        shrink: reduce photographs by a random factor up to this before the degradation.
        drawings: probability that a patch is a :func:`restore.data.drawings.drawing`.

    Raises:
        DataError: no photograph is large enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        scale: int,
        patch: int,
        seed: int,
        options: SecondOrder,
        budget: int = 4 * 2**30,
        shrink: float = 1.0,
        drawings: float = 0.0,
    ) -> None:
        super().__init__(PhotoStore(paths, budget), patch, scale)
        self.scale, self.seed, self.options = scale, seed, options
        self.shrink, self.drawings = shrink, drawings

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        photo, corner = self._place(draw)
        low, high = degraded_patch(photo, corner, self.patch, self.scale, self.options, draw)
        # Rotated last, which is cheapest; the degradations have no preferred orientation.
        which = int(draw.integers(0, 8))
        return orient(low, which), orient(high, which)

    def _place(self, draw: np.random.Generator) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Draw a picture and the corner of a patch in it, in low-resolution pixels."""
        if self.drawings and draw.random() < self.drawings:
            return drawing((self.patch + 4 * MARGIN) * self.scale, draw), (2 * MARGIN, 2 * MARGIN)
        photo = self.store[self._sampler.photo(draw)]
        if self.shrink > 1:
            return shrink_around(photo, self.patch, self.scale, self.shrink, draw)
        return photo, self._sampler.corner(photo, draw)
