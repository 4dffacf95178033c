"""Decoupled contrastive learning, DCL and DCLW (Yeh et al., ECCV 2022)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat
from torch import Tensor

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions, log_odds


class DCL(SimilarityObjective):
    """InfoNCE without the positive in its denominator: -s_p/t + log sum_n e^(s_n/t), the mean over the positives.

    In InfoNCE an easy positive weakens the push from the negatives; here it does not. Unbounded below.

    Args:
        temperature: t.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        return log_odds(positive, negative, self.temperature).mean(dim=1)


class DCLW(SimilarityObjective):
    """DCL whose positive term is weighted by w = 2 - N softmax_i(s_p / sigma): far positives pull harder.

    The softmax runs over the N queries of the batch, so a weight is at most 2 and their mean is 1. Weights are
    constants to the gradient.

    Args:
        temperature: t.
        sigma: how sharply the weights separate near and far positives; large values approach DCL.
    """

    def __init__(self, temperature: float = 0.1, sigma: float = 0.5) -> None:
        super().__init__()
        self.temperature, self.sigma = temperature, sigma

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        weight = 2 - len(positive) * (positive.detach() / self.sigma).softmax(dim=0)
        return log_odds(weight * positive, negative, self.temperature).mean(dim=1)


class DCLOptions(SimilarityOptions):
    """:class:`DCL`."""

    kind: Literal["dcl"] = "dcl"
    temperature: PositiveFloat = Field(
        0.1, description="divides similarities; lower values emphasize the hardest samples"
    )

    def build(self, samples: int) -> SimilarityObjective:
        return DCL(self.temperature)


class DCLWOptions(SimilarityOptions):
    """:class:`DCLW`."""

    kind: Literal["dclw"] = "dclw"
    temperature: PositiveFloat = Field(
        0.1, description="divides similarities; lower values emphasize the hardest samples"
    )
    sigma: PositiveFloat = Field(0.5, description="how sharply near and far positives are distinguished")

    def build(self, samples: int) -> SimilarityObjective:
        return DCLW(self.temperature, self.sigma)
