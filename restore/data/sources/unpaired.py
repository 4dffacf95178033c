"""Two sets of photographs without correspondence, backlit and well lit, say: ``data: {unpaired: {...}}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, list_photos, photo_sizes
from restore.data.lighting.views import View, large_enough
from restore.data.sampling import PatchSampler, generator, orient
from restore.data.sources.base import DataContext, DataSource, TrainingData
from restore.data.sources.paired import ViewData
from restore.data.sources.samples import Sample, middle, small
from restore.errors import DataError
from restore.imaging.decode import read_rgb8

# Pictures to look at, of a run that has no targets to measure on.
_SHOWN = 4


class Unpaired(BaseModel):
    """Two sets of photographs, relative to --data, that show different things: how they are, and how they should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: list[str] = Field(min_length=1, description="folders of the pictures to restore")
    target: list[str] = Field(min_length=1, description="folders of pictures as they should be")


class UnpairedData(ViewData):
    """Keys of ``data:`` for unpaired sets."""

    unpaired: Unpaired | None = Field(None, description="two sets of photographs without correspondence")


class UnpairedSource(DataSource[UnpairedData]):
    """Photographs to restore, and others that are as results should be."""

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
        samples = self.validation_pairs(context) or bare_samples(photos, context.crop, whole=data.views)
        description = f"{len(photos)} photographs to bring closer to {len(list_photos(second))} others"
        return TrainingData(dataset, samples, description)


def bare_samples(paths: Sequence[Path], crop: int, whole: bool = False) -> list[Sample]:
    """Inputs without targets: a few of the pictures, spread evenly; their middles, or the whole ones made small.

    Raises:
        ImageError: a picture cannot be read.
    """
    count = min(_SHOWN, len(paths))
    chosen = [paths[i * len(paths) // count] for i in range(count)]
    cut = small if whole else middle
    return [Sample(path.stem, cut(read_rgb8(path), crop), None) for path in chosen]


class UnpairedPatches(PairDataset):
    """Patches of two sets, drawn, turned and flipped independently of each other.

    ``dataset[i]`` is a patch of the first set (3, patch, patch) and one of the second (3, scale * patch,
    scale * patch), and depends on ``seed`` and ``i`` alone. A photograph is drawn in proportion to its area.

    Args:
        first: folders of the pictures to restore.
        second: folders of pictures as they should be.
        patch: side of the first patch.
        seed: of the samples.
        scale: side of the second patch over that of the first.
        budget: bytes of decoded pixels to keep in memory, of both sets together.

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
        self._sampler = PatchSampler(photo_sizes(photos[0]), patch), PatchSampler(photo_sizes(photos[1]), patch * scale)

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

    ``dataset[i]`` is a view of the first set and one of the second, (3, side, side) each, and depends on ``seed`` and
    ``i`` alone. Every photograph of a set is drawn as often.

    Args:
        first: folders of the pictures to restore.
        second: folders of pictures as they should be.
        side: of a view.
        seed: of the samples.
        budget: bytes of decoded pixels to keep in memory, of both sets together.

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
        self._numbers = tuple(large_enough(photo_sizes(some), side) for some in photos)
        self._begins = 0, len(photos[0])

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
                raise DataError(f"{a} is in both sets: a network cannot tell them apart; give two folders")
            if inner.is_relative_to(outer):
                raise DataError(
                    f"{inner} is inside {outer}, so its pictures are in both sets: give two separate folders"
                )
    return list_photos(first), list_photos(second)
