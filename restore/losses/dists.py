"""DISTS, a learned similarity that tolerates resampled textures, as a loss."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.torchvision_nets import TorchvisionFeatures
from restore.encoders.weights import read_weights
from restore.errors import MissingExtraError
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

_URL = "https://pypi.org/project/torchmetrics/"
_TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_SMALL = 1e-6


class DISTS(nn.Module):
    """Deep image structure and texture similarity, averaged over pictures; 0 is best.

    Ding, Ma, Wang and Simoncelli, "Image quality assessment: unifying structure and texture similarity", TPAMI 2020:
    the means (texture) and covariances (structure) of the picture and of VGG-16's features are compared channel by
    channel. Pooling averages squares under a Hann window, which does not alias. The channels' weights are those of the
    package torchmetrics; its own network is not used, because it downloads the backbone. Pictures are not resized.

    Args:
        weights: torchvision's file of VGG-16; None for torch hub's cache.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, sides of at least 32, to a scalar. The gradient flows into both.
        Computed in float32.

    Raises:
        MissingWeightsError: VGG-16's file is missing.
        MissingExtraError: torchmetrics is not installed.
        ModelError: a file is damaged.
    """

    means: Tensor
    covariances: Tensor

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.encoder = TorchvisionFeatures("vgg16", _TAPS, weights)
        state = read_weights(_weights_file(), "DISTS", _URL)
        total = state["alpha"].sum() + state["beta"].sum()
        for name, channels in (("means", "alpha"), ("covariances", "beta")):
            self.register_buffer(name, (state[channels] / total).flatten().detach(), persistent=False)

    @full_precision
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        pairs = zip(self._features(output), self._features(target), strict=True)
        means, covariances = zip(*(_similarities(x, y) for x, y in pairs), strict=True)
        similarity = torch.cat(means, dim=1) @ self.means + torch.cat(covariances, dim=1) @ self.covariances
        return 1 - similarity.mean()

    def _features(self, x: Tensor) -> list[Tensor]:
        """The picture and VGG-16's taps, each (N, C, positions)."""
        found = [x]
        x = self.encoder.normalize(x)
        for i, layer in enumerate(self.encoder.layers):
            x = _pool(x) if isinstance(layer, nn.MaxPool2d) else layer(x)
            if i in self.encoder.taps:
                found.append(x)
        return [one.flatten(2) for one in found]


class DistsOptions(LossOptions):
    """Compare structure and texture of VGG-16's features: :class:`restore.losses.dists.DISTS`."""

    kind: Literal["dists"] = "dists"
    weights: Path | None = Field(None, description="torchvision's file of VGG-16; null for torch hub's cache")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(DISTS(self.weights))


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Similarities of the means and of the covariances, by channel: two of (N, C) from (N, C, positions)."""
    mx, my = x.mean(2), y.mean(2)
    vx, vy = x.var(2, correction=0), y.var(2, correction=0)
    covariance = ((x - mx[..., None]) * (y - my[..., None])).mean(2)
    return (2 * mx * my + _SMALL) / (mx * mx + my * my + _SMALL), (2 * covariance + _SMALL) / (vx + vy + _SMALL)


def _pool(x: Tensor) -> Tensor:
    """Half the size: the root of the mean square under a Hann window of 3 x 3."""
    taps = torch.hann_window(5, periodic=False, dtype=x.dtype, device=x.device)[1:-1]
    window = torch.outer(taps, taps)
    kernel = (window / window.sum()).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x * x, kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _weights_file() -> Path:
    spec = find_spec("torchmetrics")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("DISTS", "train", "torchmetrics")
    return Path(spec.submodule_search_locations[0]) / "functional" / "image" / "dists_models" / "weights.pt"
