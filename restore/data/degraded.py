"""Random pairs whose low-resolution side went through the second-order degradation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.dataset import PairDataset
from restore.data.degradations.options import SecondOrder
from restore.data.degradations.patch import degraded_patch
from restore.data.folder import PhotoStore, photo_sizes
from restore.data.places import Places, generator, orient


class DegradedPairs(PairDataset):
    """Pairs for blind super-resolution from folders of high-resolution photographs.

    ``dataset[i]`` is low (3, patch, patch) and high resolution (3, scale * patch, scale * patch), and depends on
    ``seed`` and ``i`` alone. A photograph is drawn in proportion to its area.

    Args:
        paths: photographs.
        scale: the factor; 1 to restore without enlarging.
        patch: side of the low-resolution patch.
        seed: of the samples.
        options: how the low-resolution side is degraded.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: no photograph is large enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        scale: int,
        patch: int,
        seed: int,
        options: SecondOrder,
        budget: int = 4 * 2**30,
    ) -> None:
        self.scale, self.patch, self.seed, self.options = scale, patch, seed, options
        self.store = PhotoStore(paths, budget)
        self._places = Places(photo_sizes(paths), patch, scale)

    def stores(self) -> list[PhotoStore]:
        return [self.store]

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        photo = self.store[self._places.photo(draw)]
        corner = self._places.corner(photo, draw)
        low, high = degraded_patch(photo, corner, self.patch, self.scale, self.options, draw)
        # Turned last, which is cheapest: all that is drawn is as likely turned as not.
        which = int(draw.integers(0, 8))
        return orient(low, which), orient(high, which)
