"""Existing pairs of photographs, input and target: ``data: {pairs: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore
from restore.data.layouts import layout_of
from restore.data.lighting.views import View, large_enough
from restore.data.pairs import common_scale, match_photos, refuse_turned
from restore.data.sampling import PatchSampler, generator, orient
from restore.data.sources.base import DataContext, DataOptions, DataSource, TrainingData
from restore.files.pairing import NameRule


class Pairs(BaseModel):
    """Two folders of pictures with matching names, relative to --data: inputs and targets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: str = Field(description="folder of the pictures to restore")
    target: str = Field(description="folder of the targets, scale times as large")
    template: str | None = Field(
        None,
        description="how inputs are named after targets: {stem}x4, {stem}_HR={stem}_LR, {stem}_* for several inputs, "
        "sharp/=blur/ for another folder; null for the same name",
    )

    @field_validator("template")
    @classmethod
    def _readable(cls, template: str | None) -> str | None:
        if template is not None and layout_of(template) is None:
            NameRule.parse(template)
        return template

    def found(self, root: Path) -> list[tuple[Path, Path]]:
        """The pairs, with folder names relative to ``root``.

        Raises:
            DataError: as :func:`restore.data.pairs.match_photos`.
        """
        return match_photos(root / self.input, root / self.target, self.template)


class ViewData(DataOptions):
    """Keys of ``data:`` for sources that can use views."""

    views: bool = Field(
        False,
        description="for pairs, unpaired sets and haze: use large squares reduced in size instead of patches, because "
        "light is judged by the whole picture; at scale 1. Backlight, filters and exposures always use views",
    )


class PairedData(ViewData):
    """Keys of ``data:`` for pairs of photographs."""

    pairs: Pairs | None = Field(None, description="folders of inputs and targets")


class PairedSource(DataSource[PairedData]):
    """Existing pairs of input and target."""

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
        # All inputs of a target are on the same side; one of them is enough to validate on.
        _, apart = context.split(list(dict.fromkeys(target for _, target in found)), data.holdout)
        first, kept_apart = {target: (low, target) for low, target in reversed(found)}, set(apart)
        pairs = [pair for pair in found if pair[1] not in kept_apart]
        held = [first[target] for target in apart]
        dataset: PairDataset
        if data.views:
            dataset = PairViews(pairs, data.patch, context.seed, context.budget)
        else:
            dataset = FolderPairs(pairs, data.patch, context.seed, context.scale, context.budget)
        samples = self.paired_samples(held, context) or self.validation_pairs(context)
        return TrainingData(dataset, samples, f"{len(pairs)} pairs of photographs to train on")


class FolderPairs(PairDataset):
    """Aligned patches of pairs of pictures, with the same rotation and flip.

    ``dataset[i]`` is low (3, patch, patch) and high (3, scale * patch, scale * patch), and depends only on ``seed`` and
    ``i``. Pairs are drawn in proportion to their area. The scale is 1 if both have the same size, as for denoising.

    Args:
        pairs: inputs and targets, for example from :func:`match_photos`.
        patch: side of the low-resolution patch.
        seed: seed of the samples.
        scale: the required scale; inferred by default.
        budget: bytes of decoded pixels to keep in memory, for both sides together.

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
        # A single store, so that both sides share the budget.
        self.store = PhotoStore([*low, *high], budget)
        sizes, targets = _pair_sizes(self.store)
        self.scale = common_scale(self.pairs, sizes, targets, scale)
        self._sampler = PatchSampler(sizes, patch)
        self.store.use_only(self._sampler.usable, range(len(self.pairs)))

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

    ``dataset[i]`` is a view of the input and of the target, (3, side, side) each, and depends only on ``seed`` and
    ``i``. All pairs are equally likely.

    Args:
        pairs: inputs and targets of the same size.
        side: side of a view, pixels.
        seed: seed of the samples.
        budget: bytes of decoded pixels to keep in memory, for both sides together.

    Raises:
        DataError: the pictures of a pair differ in size, or no pair is large enough.
        ImageError: a picture cannot be read.
    """

    def __init__(self, pairs: Sequence[tuple[Path, Path]], side: int, seed: int, budget: int = 4 * 2**30) -> None:
        self.side, self.seed = side, seed
        self.pairs = list(pairs)
        low, high = (list(part) for part in zip(*self.pairs, strict=True))
        self.store = PhotoStore([*low, *high], budget)
        sizes, targets = _pair_sizes(self.store)
        common_scale(self.pairs, sizes, targets, 1)
        self._numbers = large_enough(sizes, side)
        self.store.use_only(self._numbers.tolist(), range(len(self.pairs)))

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        which = int(draw.choice(self._numbers))
        low, high = self.store[which], self.store[which + len(self.pairs)]
        refuse_turned(self.pairs[which], low, high, 1)
        view = View(low.shape[0], low.shape[1], self.side, draw)
        return view.of(low), view.of(high)


def _pair_sizes(store: PhotoStore) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sizes (N, 2) of the inputs and targets in a store; 0 for both sides of a pair if one of them cannot be read."""
    count = len(store) // 2
    sizes = store.sizes().reshape(2, count, 2)
    sizes[:, (sizes == 0).any(axis=(0, 2))] = 0
    for number in set(store.damaged):
        partner = (number + count) % (2 * count)
        store.damaged.setdefault(partner, store.damaged[number])
    return sizes[0], sizes[1]


def _square(top: int, left: int, side: int) -> tuple[slice, slice]:
    return slice(top, top + side), slice(left, left + side)
