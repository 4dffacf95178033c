"""The sigmoid loss of SigLIP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions


class Sigmoid(SimilarityObjective):
    """Each similarity judged by itself: mean_p log(1 + exp(b - s_p / t)) + mean_n log(1 + exp(s_n / t - b)).

    Zhai et al., "Sigmoid loss for language image pre-training", ICCV 2023; there b and t are learned.
    """

    def __init__(self, temperature: float, bias: float) -> None:
        super().__init__()
        self.temperature, self.bias = temperature, bias

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        pull = F.softplus(self.bias - positive / self.temperature).mean(dim=1)
        return pull + F.softplus(negative / self.temperature - self.bias).mean(dim=1)


class SigmoidOptions(SimilarityOptions):
    """A binary decision on each pair."""

    kind: Literal["example-sigmoid"] = "example-sigmoid"
    temperature: float = Field(0.1, gt=0, description="by which similarities are divided")
    bias: float = Field(5.0, description="similarity over temperature from which on two pictures count as alike")

    def build(self, samples: int) -> SimilarityObjective:
        return Sigmoid(self.temperature, self.bias)
