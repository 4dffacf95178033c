"""How pictures look, where PSNR says little: NIQE, and the distance of EfficientNet-Lite0's features."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from restore.encoders.registry import EfficientNetLite0Options
from restore.networks.basicsr_adapter import basicsr_module


def niqe(image: NDArray[np.uint8], border: int = 0) -> float:
    """Naturalness without a reference; lower is better, photographs have 2 to 5.

    Mittal, Soundararajan and Bovik, "Making a completely blind image quality analyzer", 2013, as basicsr computes it,
    on Y, with the parameters that come with basicsr.

    Args:
        image: RGB (H, W, 3), at least 96 pixels a side within the border.
        border: pixels left out on every side.

    Raises:
        MissingExtraError: basicsr is not installed.
    """
    calculate = basicsr_module("metrics.niqe").calculate_niqe
    return float(calculate(image[..., ::-1], border, input_order="HWC", convert_to="y"))


class FeatureDistance:
    """How far a picture is from its original in EfficientNet-Lite0's features; 0 for equal pictures.

    This project's own measure, not LPIPS, whose backbones no package brings: the mean over the encoder's taps of the
    mean absolute difference over the original's mean absolute feature.
    """

    def __init__(self) -> None:
        self._encoder = EfficientNetLite0Options().build()

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """Of two RGB pictures (H, W, 3) of one size."""
        a, b = (torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None] / 255 for x in (image, reference))
        pairs = zip(self._encoder(a), self._encoder(b), strict=True)
        return float(torch.stack([(x - y).abs().mean() / y.abs().mean() for x, y in pairs]).mean())
