"""LPIPS, the learned perceptual metric, as a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from restore.encoders.lpips_network import Net, lpips_network
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity, averaged over pictures; 0 is best.

    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, version 0.1,
    computed by the package ``lpips``. At each of five layers the features are scaled to unit length, their squared
    differences are weighted by channel and averaged over positions; the layers are summed.

    Args:
        net: ``alex``, which the paper recommends as a metric, or ``vgg``, the usual choice as a loss.
        weights: torchvision's file of the backbone; None for torch hub's cache.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, sides of at least 32, to a scalar. The gradient flows into both.
        The backbone runs in the caller's precision; its features are normalized and compared in float32.

    Raises:
        MissingWeightsError: the backbone's file is missing.
        MissingExtraError: the package lpips is not installed.
        ModelError: a file is damaged.
    """

    def __init__(self, net: Net = "alex", weights: Path | None = None) -> None:
        super().__init__()
        self.network = lpips_network(net, weights)
        self._backbone = _InPrecision(self.network.get_submodule("net"))
        self.network.net = self._backbone

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.network.eval()  # the package's heads have dropout
        return self

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        device = output.device.type
        half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        self._backbone.precision = half
        return self._distance(output, target)

    @full_precision
    def _distance(self, output: Tensor, target: Tensor) -> Tensor:
        distances: Tensor = self.network(output, target, normalize=True)
        return distances.mean()


class _InPrecision(nn.Module):
    """A backbone that computes in half precision where the rest does not: twice as fast where bf16 is in hardware."""

    precision: torch.dtype | None = None

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> list[Tensor]:
        if self.precision is None:
            found: list[Tensor] = list(self.backbone(x))
            return found
        with torch.autocast(x.device.type, self.precision):
            return [features.float() for features in self.backbone(x)]


class LpipsOptions(LossOptions):
    """:class:`restore.losses.lpips.LPIPS`."""

    kind: Literal["lpips"] = "lpips"
    net: Net = Field("alex", description="the backbone, with the linear heads learned for it")
    weights: Path | None = Field(None, description="torchvision's file of the backbone; null for torch hub's cache")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(LPIPS(self.net, self.weights))
