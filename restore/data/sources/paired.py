"""Pairs of photographs that were taken, or made, in both states: ``data: {pairs: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, photo_sizes
from restore.data.lighting.views import View, large_enough
from restore.data.pairs import common_scale, match_photos, refuse_turned
from restore.data.sampling import PatchSampler, generator, orient
from restore.data.sources.base import DataContext, DataOptions, DataSource, TrainingData
from restore.files.pairing import NameRule


class Pairs(BaseModel):
    """Two folders, relative to --data, with pictures of the same names: how they are, and how they should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: str = Field(description="folder of the pictures to restore")
    target: str = Field(description="folder of what should come of them, scale times as large")
    template: str | None = Field(
        None, description="how an input is named after its target: {stem}x4, {stem}_HR={stem}_LR; null for the same"
    )

    @field_validator("template")
    @classmethod
    def _readable(cls, template: str | None) -> str | None:
        if template is not None:
            NameRule.parse(template)
        return template

    def found(self, root: Path) -> list[tuple[Path, Path]]:
        """The pairs, with folder names relative to ``root``.

        Raises:
            DataError: as :func:`restore.data.pairs.match_photos`.
        """
        return match_photos(root / self.input, root / self.target, self.template)


class ViewData(DataOptions):
    """Keys of ``data:`` for pictures that may be learned from in views."""

    views: bool = Field(
        False,
        description="of pairs and unpaired sets: large squares made small in place of patches, for light is judged by "
        "the whole; at scale 1. Made backlit pictures and exposures are seen so in any case",
    )


class PairedData(ViewData):
    """Keys of ``data:`` for pairs of photographs."""

    pairs: Pairs | None = Field(None, description="photographs that are there in both states")


class PairedSource(DataSource[PairedData]):
    """Pairs of photographs, input and target."""

    key = origin = "pairs"
    fields = PairedData

    def __init__(self, options: PairedData) -> None:
        super().__init__(options)
        self.whole = options.views
        self.same_size = "views" if options.views else None

    def open(self, context: DataContext) -> TrainingData:
        data = self.options
        assert data.pairs is not None
        found = data.pairs.found(context.root)
        pairs, held = context.split(found, data.holdout)
        dataset: PairDataset
        if data.views:
            dataset = PairViews(pairs, data.patch, context.seed, context.budget)
        else:
            dataset = FolderPairs(pairs, data.patch, context.seed, context.scale, context.budget)
        samples = self.paired_samples(held, context) or self.validation_pairs(context)
        return TrainingData(dataset, samples, f"{len(pairs)} pairs of photographs to train on")


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
        self._sampler = PatchSampler(sizes, patch)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        which = self._sampler.photo(draw)
        low, high = self.store[which], self.store[which + len(self.pairs)]
        refuse_turned(self.pairs[which], low, high, self.scale)
        top, left = self._sampler.corner(low, draw)
        turn = int(draw.integers(0, 8))
        sides = ((low, 1), (high, self.scale))
        first, second = (image[_square(top * unit, left * unit, self.patch * unit)] for image, unit in sides)
        return orient(first, turn), orient(second, turn)


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


def _square(top: int, left: int, side: int) -> tuple[slice, slice]:
    return slice(top, top + side), slice(left, left + side)
