"""DISTS, which lets one texture stand for another of its kind."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.torchvision_nets import TorchvisionFeatures
from restore.encoders.weights import read_weights
from restore.errors import MissingExtraError
from restore.metrics.learned.tensor import to_tensor

_URL = "https://pypi.org/project/torchmetrics/"
_TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_SMALL, _SMALLEST = 1e-6, 32


class Dists:
    """Deep image structure and texture similarity of whole RGB pictures; 0 for equal pictures, lower is better.

    Ding, Ma, Wang and Simoncelli, "Image quality assessment: unifying structure and texture similarity", TPAMI 2020:
    means, and covariances, of the picture and of VGG-16's features are compared channel by channel. The pooling is by
    a Hann window of the squares, which does not alias. The channels' weights are those of the package torchmetrics;
    its own code is not run, since it downloads the backbone. Pictures are not resized.

    Args:
        weights: torchvision's file of VGG-16; None for torch hub's folder.

    Raises:
        MissingWeightsError: VGG-16's file is not there.
        MissingExtraError: torchmetrics is not installed.
        ModelError: a file is broken.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._encoder = TorchvisionFeatures("vgg16", _TAPS, weights)
        state = read_weights(_weights_file(), "DISTS", _URL)
        total = state["alpha"].sum() + state["beta"].sum()
        self._mean_weight, self._covariance_weight = ((state[n] / total).flatten().detach() for n in ("alpha", "beta"))

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """Of two RGB pictures (H, W, 3) of one size, each side at least 32."""
        pairs = zip(self._features(image), self._features(reference), strict=True)
        means, covariances = zip(*(_similarities(x, y) for x, y in pairs), strict=True)
        return 1 - float(self._mean_weight @ torch.cat(means) + self._covariance_weight @ torch.cat(covariances))

    def _features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """The picture and VGG-16's taps, each (C, N)."""
        x = to_tensor(image, _SMALLEST)
        found = [x]
        x = self._encoder.normalise(x)
        for i, layer in enumerate(self._encoder.layers):
            x = _pool(x) if isinstance(layer, nn.MaxPool2d) else layer(x)
            if i in self._encoder.taps:
                found.append(x)
        return [one[0].flatten(1) for one in found]


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of the means, and of the covariances, by channel: two of (C,) from (C, N)."""
    mx, my = x.mean(1), y.mean(1)
    vx, vy = x.var(1, correction=0), y.var(1, correction=0)
    covariance = ((x - mx[:, None]) * (y - my[:, None])).mean(1)
    return (2 * mx * my + _SMALL) / (mx * mx + my * my + _SMALL), (2 * covariance + _SMALL) / (vx + vy + _SMALL)


def _pool(x: Tensor) -> Tensor:
    """Half as large: the root of the mean square under a Hann window of 3 x 3."""
    taps = torch.hann_window(5, periodic=False)[1:-1]
    window = torch.outer(taps, taps)
    kernel = (window / window.sum()).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x * x, kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _weights_file() -> Path:
    spec = find_spec("torchmetrics")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("DISTS", "metrics", "torchmetrics")
    return Path(spec.submodule_search_locations[0]) / "functional" / "image" / "dists_models" / "weights.pt"
