"""LPIPS, the learned perceptual metric, as a loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from restore.encoders.lpips_network import Net, lpips_network
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.unit_distance import unit_distance


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity, averaged over pictures; 0 is best.

    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, version 0.1,
    with the backbone and the weights of channels of the package ``lpips``. At each of five layers the features are
    scaled to unit length, their squared differences are weighted by channel and averaged over positions; the layers
    are summed.

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
        self.network: Any = lpips_network(net, weights)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.network.eval()  # the package's heads have dropout
        return self

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        heads = [head.model[-1].weight.flatten() for head in self.network.lins]
        pairs = zip(self._features(output), self._features(target), heads, strict=True)
        return torch.stack([unit_distance(*layer) for layer in pairs]).sum()

    def _features(self, x: Tensor) -> Sequence[Tensor]:
        x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        features: Sequence[Tensor] = self.network.net(self.network.scaling_layer(2 * x - 1))
        return features


class LpipsOptions(LossOptions):
    """:class:`restore.losses.lpips.LPIPS`."""

    kind: Literal["lpips"] = "lpips"
    net: Net = Field("alex", description="the backbone, with the linear heads learned for it")
    weights: Path | None = Field(None, description="torchvision's file of the backbone; null for torch hub's cache")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(LPIPS(self.net, self.weights))
