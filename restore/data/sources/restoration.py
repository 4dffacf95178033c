"""Base for restoration tasks at scale 1, whose inputs are degraded clean photographs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset, PhotoPatches
from restore.data.folder import PhotoStore
from restore.data.lighting.photo_views import PhotoViews
from restore.data.sampling import generator
from restore.data.sources.base import DataContext, Options, PhotoSource
from restore.data.sources.samples import Sample, middle, readable, small, validation_generator

Pixels = NDArray[np.uint8]


class RestorationSource(PhotoSource[Options]):
    """Patches of clean photographs as targets, and the same degraded as inputs.

    A subclass defines :meth:`degrade` and :attr:`same_size`. If it sets :attr:`whole`, samples are views of photographs
    instead of patches.
    """

    @abstractmethod
    def degrade(self, clean: Pixels, draw: np.random.Generator) -> Pixels:
        """Degrade a clean picture.

        Args:
            clean: uint8 RGB (H, W, 3), contiguous; must not be modified.
            draw: source of all randomness.

        Returns:
            The same shape and type.
        """

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        pairs = RestorationViews if self.whole else RestorationPairs
        return pairs(photos, self.options.patch, context.seed, self.degrade, context.budget)

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        samples = []
        for number, path, pixels in readable(photos, context.skipped):
            cut = small if self.whole else middle
            clean = np.ascontiguousarray(cut(pixels, context.crop))
            draw = validation_generator(context.seed, number)
            samples.append(Sample(path.stem, self.degrade(clean, draw), clean))
        return samples


class RestorationPairs(PhotoPatches):
    """Degraded and clean patches of photographs, (3, patch, patch) each.

    A sample depends only on ``seed`` and its number. Photographs are drawn in proportion to their area. Patches are
    mirrored horizontally but never rotated, because the direction of a degradation such as rain matters.

    Args:
        paths: photographs.
        patch: side of a patch.
        seed: seed of the samples.
        degrade: see :meth:`RestorationSource.degrade`.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: no photograph is large enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        patch: int,
        seed: int,
        degrade: Callable[[Pixels, np.random.Generator], Pixels],
        budget: int = 4 * 2**30,
    ) -> None:
        super().__init__(PhotoStore(paths, budget), patch)
        self.seed, self.degrade = seed, degrade

    def cut(self, number: int) -> tuple[Pixels, Pixels]:
        draw = generator(self.seed, number)
        photo = self.store[self._sampler.photo(draw)]
        top, left = self._sampler.corner(photo, draw)
        clean = photo[top : top + self.patch, left : left + self.patch]
        clean = np.ascontiguousarray(clean[:, ::-1] if draw.integers(0, 2) else clean)
        return self.degrade(clean, draw), clean


class RestorationViews(PhotoViews[Callable[[Pixels, np.random.Generator], Pixels]]):
    """Degraded and clean views of photographs, (3, side, side) each; the options are the degradation."""

    def cut(self, number: int) -> tuple[Pixels, Pixels]:
        draw = generator(self.seed, number)
        clean = np.ascontiguousarray(self.view(draw))
        return self.options(clean, draw), clean
