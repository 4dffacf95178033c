"""DISTS, which tolerates resampled texture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from restore.losses.dists import DISTS
from restore.metrics.learned.tensor import to_tensor

_SMALLEST = 32


class Dists:
    """DISTS of whole RGB pictures; 0 for equal pictures, lower is better.

    Ding, Ma, Wang and Simoncelli, "Image quality assessment: unifying structure and texture similarity", TPAMI 2020;
    see :class:`restore.losses.dists.DISTS`.

    Args:
        weights: torchvision's file of VGG-16; None for torch hub's folder.

    Raises:
        MissingWeightsError: VGG-16's file is missing.
        MissingExtraError: torchmetrics is not installed.
        ModelError: a file is damaged.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._network = DISTS(weights).eval()

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """The distance of two RGB pictures (H, W, 3) of one size, each side at least 32."""
        return float(self._network(to_tensor(image, _SMALLEST), to_tensor(reference, _SMALLEST)))
