"""LPIPS, the learned perceptual metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from restore.encoders.lpips_network import Net, lpips_network
from restore.metrics.learned.tensor import to_tensor

_SMALLEST = 32


class LpipsDistance:
    """LPIPS, version 0.1, of whole RGB pictures; 0 for equal pictures, lower is better.

    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, computed by the
    package ``lpips``.

    Args:
        net: ``alex``, which the paper recommends as a metric, or ``vgg``.
        weights: torchvision's file of the backbone; None for torch hub's cache.

    Raises:
        MissingWeightsError: the backbone's file is missing.
        MissingExtraError: the package lpips is not installed.
        ModelError: a file is damaged.
    """

    def __init__(self, net: Net = "alex", weights: Path | None = None) -> None:
        self._network = lpips_network(net, weights)

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """The distance of two RGB pictures (H, W, 3) of one size, each side at least 32."""
        return float(self._network(to_tensor(image, _SMALLEST), to_tensor(reference, _SMALLEST), normalize=True))
