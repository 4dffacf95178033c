"""Distance in EfficientNet-Lite0's features, this project's own metric; its weights are installed by pip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.metrics.learned.tensor import to_tensor


class FeatureDistance:
    """Distance from the original in EfficientNet-Lite0's features; 0 for equal pictures, lower is better.

    This is the project's own metric, not LPIPS, whose backbones no package includes: the mean over the encoder's taps
    of the mean absolute difference divided by the original's mean absolute feature. It is not fitted to human ratings.

    Args:
        weights: file of the encoder's weights; None for the package's.

    Raises:
        MissingExtraError: the package with the weights is not installed.
        ModelError: the file is damaged or for another network.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._encoder = EfficientNetLite0Options(weights=weights).build()

    def __call__(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """The distance of two RGB pictures (H, W, 3) of one size."""
        return self.to(reference)(image)

    @torch.no_grad()
    def to(self, reference: NDArray[np.uint8]) -> Callable[[NDArray[np.uint8]], float]:
        """A function that measures pictures against one reference, which is encoded only once."""
        wanted = self._encoder(to_tensor(reference))

        @torch.no_grad()
        def distance(image: NDArray[np.uint8]) -> float:
            pairs = zip(self._encoder(to_tensor(image)), wanted, strict=True)
            return float(torch.stack([(x - y).abs().mean() / y.abs().mean() for x, y in pairs]).mean())

        return distance
