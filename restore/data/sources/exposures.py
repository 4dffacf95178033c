"""Exposure correction, learned from exposure sequences: ``data: {exposures: [...]}``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore, photo_sizes
from restore.data.lighting.fusion import fuse
from restore.data.lighting.scenes import Scene, find_scenes
from restore.data.lighting.views import View, large_enough
from restore.data.sampling import generator
from restore.data.sources.base import DataContext, DataOptions, DataSource, TrainingData
from restore.data.sources.samples import Sample, small
from restore.errors import DataError
from restore.imaging.decode import read_rgb8

# Number of aligned exposures that a scene needs for its reference.
FEWEST = 3
# Exposures that are brighter than the reference by this factor have lost highlights, and are no inputs.
_BRIGHTEST = 1.15


class ExposureData(DataOptions):
    """Keys of ``data:`` for exposure sequences."""

    exposures: list[str] = Field(
        [], description="folders of exposure sequences; scenes follow each other in the order of file names"
    )
    well_exposed: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability that the target is also the input, so that good pictures stay unchanged",
    )
    as_bright: float | None = Field(
        None,
        gt=0,
        description="exposures whose mean is at least this fraction of the reference's stay unchanged; null for none",
    )


class ExposureSource(DataSource[ExposureData]):
    """Exposures of scenes as inputs, and the exposure fusion of each scene as target."""

    key = origin = "exposures"
    fields = ExposureData
    mixes_with = ("backlight",)
    same_size = "exposures"
    whole = True

    def open(self, context: DataContext) -> TrainingData:
        data = self.options
        found = usable_scenes(find_scenes(in_sequence(context.photos(data.exposures))))
        scenes, held = context.split(found, data.holdout)
        dataset = ExposurePairs(scenes, data.patch, context.seed, context.budget, data.well_exposed, data.as_bright)
        samples = scene_samples(held, context.crop) or self.validation_pairs(context)
        return TrainingData(dataset, samples, f"{len(scenes)} scenes to train on")


class ExposurePairs(PairDataset):
    """Views of exposures, and of the exposure fusion of their scene.

    ``dataset[i]`` is a view of an exposure and of the reference, (3, side, side) each, and depends only on ``seed`` and
    ``i``. All scenes are equally likely, and so are the exposures of a scene that are not much brighter than the
    reference.

    Args:
        scenes: from :func:`usable_scenes`.
        side: side of a view, pixels.
        seed: seed of the samples.
        budget: bytes of decoded pixels to keep in memory.
        well_exposed: probability that the reference is also the input, so that good pictures stay unchanged.
        as_bright: exposures whose mean is at least this fraction of the reference's stay unchanged; None for none.

    Raises:
        DataError: there is no scene, or none is large enough.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        side: int,
        seed: int,
        budget: int = 4 * 2**30,
        well_exposed: float = 0.0,
        as_bright: float | None = None,
    ) -> None:
        if not scenes:
            raise DataError(f"no scene has {FEWEST} or more aligned exposures")
        self.side, self.seed, self.well_exposed, self.as_bright = side, seed, well_exposed, as_bright
        fits = large_enough(photo_sizes([scene.paths[0] for scene in scenes]), side)
        self.scenes = [scenes[i] for i in fits]
        self._store = PhotoStore([path for scene in self.scenes for path in scene.usable()], budget // 2)
        firsts = np.cumsum([0, *(len(scene.usable()) for scene in self.scenes)])
        self._exposures = [range(a, b) for a, b in pairwise(firsts)]
        self._references: dict[int, NDArray[np.uint8]] = {}
        self._free = budget // 2

    def stores(self) -> list[PhotoStore]:
        return [self._store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        which = int(draw.integers(len(self.scenes)))
        target = self._reference(which)
        exposures = [self._store[i] for i in self._exposures[which]]
        chosen = inputs(exposures, target)
        picture = exposures[chosen[int(draw.integers(len(chosen)))]]
        view = View(target.shape[0], target.shape[1], self.side, draw)
        if draw.random() < self.well_exposed:
            picture = target
        elif self.as_bright is not None and picture.mean() >= self.as_bright * target.mean():
            target = picture
        return view.of(picture), view.of(target)

    def _reference(self, which: int) -> NDArray[np.uint8]:
        found = self._references.get(which)
        if found is None:
            found = fuse([self._store[i] for i in self._exposures[which]])
            if found.nbytes <= self._free:
                self._free -= found.nbytes
                self._references[which] = found
        return found


def usable_scenes(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with enough aligned exposures."""
    return [scene for scene in scenes if len(scene.usable()) >= FEWEST]


def inputs(exposures: Sequence[NDArray[np.uint8]], reference: NDArray[np.uint8]) -> list[int]:
    """Numbers of the exposures that may be inputs; at least the darkest."""
    limit = _BRIGHTEST * float(reference.mean())
    found = [i for i, picture in enumerate(exposures) if picture.mean() <= limit]
    return found or [0]


def scene_samples(scenes: Sequence[Scene], crop: int) -> list[Sample]:
    """An exposure of each scene and the reference, reduced to ``crop`` pixels on the longer side."""
    pairs = [(scene.paths[0].stem, *middle_and_reference(scene)) for scene in scenes]
    return [Sample(name, small(low, crop), small(high, crop)) for name, low, high in pairs]


def middle_and_reference(scene: Scene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For validation: the middle one of the possible inputs, and the reference of the scene."""
    exposures = [read_rgb8(path) for path in scene.usable()]
    reference = fuse(exposures)
    chosen = inputs(exposures, reference)
    return exposures[chosen[len(chosen) // 2]], reference


def in_sequence(paths: Sequence[Path]) -> list[Path]:
    """Sort by folder and name, with numbers in names sorted by value: 9.jpg before 10.jpg."""

    def key(path: Path) -> tuple[str, list[tuple[int, int | str]]]:
        parts = re.split(r"(\d+)", path.stem)
        return str(path.parent), [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]

    return sorted(paths, key=key)
