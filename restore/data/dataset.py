"""What every data set of pairs is to the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from restore.data.folder import PhotoStore


class PairDataset(Dataset[tuple[Tensor, Tensor]], ABC):
    """Samples by number, without end: sample ``i`` depends on the seed and ``i`` alone."""

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """The two sides of a sample, uint8 RGB (3, H, W) each."""
        first, second = self.cut(number)
        return _tensor(first), _tensor(second)

    def label(self, number: int) -> int:
        """What was done to the input, where that has a number; below 0 where it has none."""
        return -1

    def stores(self) -> list[PhotoStore]:
        """Where its photographs are decoded, so that they can be decoded ahead."""
        return []

    @abstractmethod
    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The same as (H, W, 3) arrays."""


class InterleavedDataset(PairDataset):
    """Samples of several data sets, one after another: of the first, of the second, ..., of the first again.

    Args:
        parts: at least one; their samples are as large.
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


def _tensor(image: NDArray[Any]) -> Tensor:
    # Writable, as torch wants it: some come from Pillow, which lends its memory to read.
    return torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)
