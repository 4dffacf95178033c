"""The interface of training data sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from restore.data.folder import PhotoStore
from restore.data.sampling import PatchSampler
from restore.errors import ImageError
from restore.imaging.arrays import AnyArray

# Added to the number of a sample to draw another one in its place. Training never reaches it.
_INSTEAD = 2**48
_TRIES = 100


class Drawn(NamedTuple):
    """A sample, and the photographs that were skipped to draw it.

    Attributes:
        low: input, uint8 RGB (3, H, W).
        high: target, uint8 RGB (3, H, W).
        label: see :meth:`PairDataset.label`.
        skipped: messages that name the photographs and say why they cannot be read.
    """

    low: Tensor
    high: Tensor
    label: int
    skipped: list[str]


class PairDataset(Dataset[tuple[Tensor, Tensor]], ABC):
    """An endless sequence of samples; sample ``i`` depends only on the seed and on ``i``."""

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Input and target of a sample, each uint8 RGB (3, H, W)."""
        first, second = self.cut(number)
        return _tensor(first), _tensor(second)

    def draw(self, number: int) -> Drawn:
        """A sample; if its photograph cannot be decoded, another one, which depends only on the seed and the number.

        Raises:
            ImageError: hardly any photograph can be decoded.
        """
        skipped: list[str] = []
        for attempt in range(_TRIES):
            used = number + attempt * _INSTEAD
            try:
                low, high = self[used]
            except ImageError as error:
                skipped.append(str(error))
                continue
            return Drawn(low, high, self.label(used), list(dict.fromkeys(skipped)))
        raise ImageError(f"hardly any photograph can be read; the last that failed: {skipped[-1]}")

    def label(self, number: int) -> int:
        """Class of what was done to the input; negative if it has none."""
        return -1

    def stores(self) -> list[PhotoStore]:
        """Stores of its photographs, so that they can be decoded in advance."""
        return []

    @abstractmethod
    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Input and target of a sample as (H, W, 3) arrays."""


class PhotoPatches(PairDataset):
    """Samples cut from photographs, which are drawn in proportion to their area.

    Args:
        store: the photographs; those that are too small for a patch are not used.
        patch: side of a patch, in units.
        unit: pixels per unit; patches start at multiples of it.

    Raises:
        DataError: no photograph is large enough for a patch.
    """

    def __init__(self, store: PhotoStore, patch: int, unit: int = 1) -> None:
        self.store, self.patch = store, patch
        self._sampler = PatchSampler(store.sizes(), patch, unit)
        store.use_only(self._sampler.usable)

    def stores(self) -> list[PhotoStore]:
        return [self.store]


class InterleavedDataset(PairDataset):
    """Takes samples from several data sets in turn.

    Args:
        parts: at least one data set; their samples must have the same size.
    """

    def __init__(self, parts: Sequence[PairDataset]) -> None:
        self.parts = list(parts)

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        count = len(self.parts)
        return self.parts[number % count].cut(number // count)

    def stores(self) -> list[PhotoStore]:
        return [store for part in self.parts for store in part.stores()]

    def label(self, number: int) -> int:
        count = len(self.parts)
        return self.parts[number % count].label(number // count)


def _tensor(image: AnyArray) -> Tensor:
    # torch needs a writable array, and arrays from Pillow are read-only.
    return torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)
