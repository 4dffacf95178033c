"""Distance between an encoder's feature maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.base import ALONE, InputTerm, LossTerm, PairTerm, TrainingContext
from restore.losses.features import FeatureExtractor, FrozenEncoderLossOptions
from restore.losses.full_precision import full_precision

_DISTANCES = {"l1": full_precision(F.l1_loss), "l2": full_precision(F.mse_loss)}


class Perceptual(nn.Module):
    """Sum over an encoder's taps of weight times the mean distance of the features; 0 is best.

    Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016.
    ESRGAN's is ``vgg19`` at ``conv5_4``, before the ReLU, with ``l1``; basicsr's usual weights for ``conv1_2``,
    ``conv2_2``, ``conv3_4``, ``conv4_4``, ``conv5_4`` are 0.1, 0.1, 1, 1, 1. The encoder runs in the caller's
    precision; the distance is taken in float32.

    Args:
        encoder: of :mod:`restore.encoders`, frozen: a trainable one would learn to make all pictures look alike.
        weights: one for each tap; None for all 1.
        distance: ``l1``, mean absolute, ``l2``, mean squared, or any other of two feature maps (N, C, h, w), such as
            :func:`restore.losses.id_mrf.id_mrf`.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, to a scalar. Only the output receives a gradient.

    Raises:
        ValueError: the weights are not as many as the taps.
    """

    def __init__(
        self,
        encoder: FeatureExtractor,
        weights: Sequence[float] | None = None,
        distance: Literal["l1", "l2"] | Callable[[Tensor, Tensor], Tensor] = "l1",
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.weights = tap_weights(encoder, weights)
        self.distance = _DISTANCES[distance] if isinstance(distance, str) else distance

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.encoder(target)
        pairs = zip(self.encoder(output), wanted, strict=True)
        terms = [w * self.distance(a, b) for w, (a, b) in zip(self.weights, pairs, strict=True)]
        return torch.stack(terms).sum()


def tap_weights(encoder: FeatureExtractor, weights: Sequence[float] | None) -> list[float]:
    """The weights as given, or 1 for each tap.

    Raises:
        ValueError: they are not as many as the taps.
    """
    taps = len(encoder.channels)
    if weights is not None and len(weights) != taps:
        raise ValueError(f"weights: {len(weights)} of them for an encoder with {taps} taps; give one for each")
    return [1.0] * taps if weights is None else list(weights)


class PerceptualOptions(FrozenEncoderLossOptions):
    """Compare features: :class:`restore.losses.perceptual.Perceptual`."""

    kind: Literal["perceptual"] = "perceptual"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")
    distance: Literal["l1", "l2"] = Field("l1", description="between features: mean absolute, or mean squared")
    against: Literal["target", "input"] = Field(
        "target", description="what the output is compared with; input preserves its content"
    )

    @property
    def needs_pairs(self) -> bool:
        return self.against == "target"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        term = {"target": PairTerm, "input": InputTerm}[self.against]
        return self.jittered(term(Perceptual(self.features(context), self.taps, self.distance)))
