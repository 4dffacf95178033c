"""Two unpaired sets of photographs, such as backlit and well-lit ones: ``data: {unpaired: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, list_photos
from restore.data.lighting.views import View, large_enough
from restore.data.sampling import PatchSampler, generator, orient
from restore.data.sources.base import DataContext, DataSource, TrainingData
from restore.data.sources.paired import ViewData
from restore.data.sources.samples import Sample, middle, readable, small
from restore.errors import DataError

# Validation pictures for visual inspection, if there are no targets.
_SHOWN = 4


class Unpaired(BaseModel):
    """Two sets of photographs of different scenes, relative to --data: pictures to restore, and good pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: list[str] = Field(min_length=1, description="folders of the pictures to restore")
    target: list[str] = Field(min_length=1, description="folders of good pictures")


class UnpairedData(ViewData):
    """Keys of ``data:`` for unpaired sets."""

    unpaired: Unpaired | None = Field(None, description="two sets of photographs of different scenes")


class UnpairedSource(DataSource[UnpairedData]):
    """Photographs to restore, and unrelated photographs that look like the results should."""

    key = origin = "unpaired"
    fields = UnpairedData
    has_targets = False

    def __init__(self, options: UnpairedData) -> None:
        super().__init__(options)
        self.whole = options.views
        self.same_size = "views" if options.views else None

    def open(self, context: DataContext) -> TrainingData:
        data = self.options
        assert data.unpaired is not None
        sides = data.unpaired.input, data.unpaired.target
        first, second = ([context.root / name for name in names] for names in sides)
        dataset: PairDataset
        if data.views:
            dataset = UnpairedViews(first, second, data.patch, context.seed, context.budget)
        else:
            dataset = UnpairedPatches(first, second, data.patch, context.seed, context.scale, context.budget)
        photos = list_photos(first)
        samples = self.validation_pairs(context) or bare_samples(photos, context.crop, data.views, context.skipped)
        description = f"{len(photos)} photographs to bring closer to {len(list_photos(second))} others"
        return TrainingData(dataset, samples, description)


def bare_samples(
    paths: Sequence[Path], crop: int, whole: bool = False, skipped: list[str] | None = None
) -> list[Sample]:
    """Samples without targets from a few pictures spread evenly over the list: central crops, or whole and reduced.

    Raises:
        ImageError: a picture cannot be read.
    """
    count = min(_SHOWN, len(paths))
    chosen = [paths[i * len(paths) // count] for i in range(count)]
    cut = small if whole else middle
    return [Sample(path.stem, cut(pixels, crop), None) for _, path, pixels in readable(chosen, skipped)]


class UnpairedPatches(PairDataset):
    """Patches of two sets, drawn, rotated and flipped independently of each other.

    ``dataset[i]`` is a patch of the first set (3, patch, patch) and one of the second (3, scale * patch,
    scale * patch), and depends only on ``seed`` and ``i``. Photographs are drawn in proportion to their area.

    Args:
        first: folders of the pictures to restore.
        second: folders of good pictures.
        patch: side of a patch of the first set.
        seed: seed of the samples.
        scale: ratio of the sides of the second and the first patch.
        budget: bytes of decoded pixels to keep in memory, for both sets together.

    Raises:
        DataError: a folder is missing, empty, or inside a folder of the other set; no photograph of a set is large
            enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        first: Sequence[Path],
        second: Sequence[Path],
        patch: int,
        seed: int,
        scale: int = 1,
        budget: int = 4 * 2**30,
    ) -> None:
        self.scale, self.patch, self.seed = scale, patch, seed
        photos = two_sets(first, second)
        self.store = PhotoStore([*photos[0], *photos[1]], budget)
        self._begins = 0, len(photos[0])
        sides = range(len(photos[0])), range(len(photos[0]), len(self.store))
        self._sampler = tuple(
            PatchSampler(self.store.sizes(numbers), side)
            for numbers, side in zip(sides, (patch, patch * scale), strict=True)
        )
        for numbers, places in zip(sides, self._sampler, strict=True):
            self.store.use_only((numbers[i] for i in places.usable), numbers)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        return self._patch(0, draw), self._patch(1, draw)

    def _patch(self, which: int, draw: np.random.Generator) -> NDArray[np.uint8]:
        places = self._sampler[which]
        photo = self.store[self._begins[which] + places.photo(draw)]
        top, left = places.corner(photo, draw)
        return orient(photo[top : top + places.patch, left : left + places.patch], int(draw.integers(0, 8)))


class UnpairedViews(PairDataset):
    """Views of two sets, drawn and mirrored independently of each other.

    ``dataset[i]`` is a view of the first set and one of the second, (3, side, side) each, and depends only on ``seed``
    and ``i``. All photographs of a set are equally likely.

    Args:
        first: folders of the pictures to restore.
        second: folders of good pictures.
        side: side of a view, pixels.
        seed: seed of the samples.
        budget: bytes of decoded pixels to keep in memory, for both sets together.

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
        self._begins = 0, len(photos[0])
        sides = range(len(photos[0])), range(len(photos[0]), len(self.store))
        self._numbers = tuple(large_enough(self.store.sizes(numbers), side) for numbers in sides)
        for numbers, fits in zip(sides, self._numbers, strict=True):
            self.store.use_only((numbers[i] for i in fits.tolist()), numbers)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        return self._view(0, draw), self._view(1, draw)

    def _view(self, which: int, draw: np.random.Generator) -> NDArray[np.uint8]:
        photo = self.store[self._begins[which] + int(draw.choice(self._numbers[which]))]
        return View(photo.shape[0], photo.shape[1], self.side, draw).of(photo)


def two_sets(first: Sequence[Path], second: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The photographs of both sets.

    Raises:
        DataError: a folder is missing, empty, or inside a folder of the other set.
    """
    for a in first:
        for b in second:
            inner, outer = sorted((a.resolve(), b.resolve()), key=lambda path: -len(path.parts))
            if inner == outer:
                raise DataError(f"{a} is in both sets; give two different folders")
            if inner.is_relative_to(outer):
                raise DataError(
                    f"{inner} is inside {outer}, so its pictures are in both sets; give two separate folders"
                )
    return list_photos(first), list_photos(second)
