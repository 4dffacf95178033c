"""Distance between an encoder's Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.base import ALONE, LossTerm, PairTerm, TrainingContext
from restore.losses.features import FeatureExtractor, FrozenEncoderLossOptions
from restore.losses.full_precision import full_precision
from restore.losses.perceptual import tap_weights


@full_precision
def gram(features: Tensor) -> Tensor:
    """Correlations of channels: (N, C, h, w) to (N, C, C), sums over positions divided by C h w."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / (rows.shape[1] * rows.shape[2])


class Style(nn.Module):
    """Sum over an encoder's taps of weight times the mean absolute difference of the Gram matrices; 0 is best.

    Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016, with basicsr's
    normalization. Textures count, their positions do not: the pictures may differ in size.

    Args:
        encoder: of :mod:`restore.encoders`, frozen: a trainable one would learn to make all pictures look alike.
        weights: one for each tap; None for all 1.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, to a scalar. Only the output receives a gradient.

    Raises:
        ValueError: the weights are not as many as the taps.
    """

    def __init__(self, encoder: FeatureExtractor, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.weights = tap_weights(encoder, weights)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = [gram(features) for features in self.encoder(target)]
        found = [gram(features) for features in self.encoder(output)]
        terms = [w * F.l1_loss(a, b) for w, a, b in zip(self.weights, found, wanted, strict=True)]
        return torch.stack(terms).sum()


class StyleOptions(FrozenEncoderLossOptions):
    """Compare Gram matrices: :class:`restore.losses.style.Style`."""

    kind: Literal["style"] = "style"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return self.jittered(PairTerm(Style(self.features(context), self.taps)))
