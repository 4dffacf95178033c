"""Base for data sets that make samples from views of good photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore
from restore.data.lighting.views import View, large_enough

Options = TypeVar("Options")


class PhotoViews(PairDataset, Generic[Options]):
    """Draws views of photographs. A sample depends only on ``seed`` and its number.

    All photographs that are large enough are equally likely.

    Args:
        paths: photographs.
        side: side of a view, pixels.
        seed: seed of the samples.
        options: options of the degradation.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: no photograph is large enough.
        ImageError: a photograph cannot be read.
    """

    def __init__(self, paths: Sequence[Path], side: int, seed: int, options: Options, budget: int = 4 * 2**30) -> None:
        self.side, self.seed, self.options = side, seed, options
        self.store = PhotoStore(paths, budget)
        self._numbers = large_enough(self.store.sizes(), side)
        self.store.use_only(self._numbers.tolist())

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def view(self, draw: np.random.Generator) -> NDArray[np.uint8]:
        """Draw a photograph and a view (side, side, 3) of it."""
        photo = self.store[int(draw.choice(self._numbers))]
        return View(photo.shape[0], photo.shape[1], self.side, draw).of(photo)
