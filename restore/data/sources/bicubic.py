"""Super-resolution from photographs, reduced by bicubic: ``data: {train: [...]}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, PositiveInt

from restore.data.dataset import PairDataset
from restore.data.patches import PatchPairs
from restore.data.sources.base import DataContext, DataOptions, PhotoSource
from restore.data.sources.samples import Sample, middle
from restore.errors import DataError
from restore.imaging.decode import read_rgb8
from restore.metrics.sr_protocol import reduce


class BicubicData(DataOptions):
    """Keys of ``data:`` for photographs that are only reduced."""

    candidates: PositiveInt = Field(1, description="places drawn for a patch; the one with most detail is used")


class BicubicSource(PhotoSource[BicubicData]):
    """Photographs, and the same reduced by bicubic."""

    key = "train"
    fields = BicubicData

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        data = self.options
        return PatchPairs(photos, context.scale, data.patch, context.seed, context.budget, data.candidates)

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        return reduced_samples(photos, context.scale, context.crop)


def reduced_samples(paths: Sequence[Path], scale: int, crop: int) -> list[Sample]:
    """The middle ``crop`` pixels of each picture, and the same reduced by bicubic.

    Raises:
        DataError: a picture is smaller than ``scale`` pixels.
        ImageError: a picture cannot be read.
    """
    samples = []
    for path in paths:
        high = middle(read_rgb8(path), crop)
        if min(high.shape[:2]) < scale:
            raise DataError(f"{path}: {high.shape[1]} x {high.shape[0]} pixels are too few to validate on")
        samples.append(Sample(path.stem, *reduce(high, scale)))
    return samples
