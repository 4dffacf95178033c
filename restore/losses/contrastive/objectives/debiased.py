"""Debiased contrastive learning (Chuang et al., NeurIPS 2020)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions


class Debiased(SimilarityObjective):
    """InfoNCE for negatives some of which are really positive: their expected share is removed from the sum.

    With M negatives the sum becomes max( (sum_n e^(s_n/t) - tau M e^(s_p/t)) / (1 - tau), M e^(-1/t) ); the floor is
    what M opposite vectors would give. 0 is the bound.

    Args:
        temperature: t.
        prior: tau, the probability that a negative is a positive, 0 <= tau < 1. 0 is InfoNCE.
    """

    def __init__(self, temperature: float = 0.5, prior: float = 0.1) -> None:
        super().__init__()
        self.temperature, self.prior = temperature, prior

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        count = negative.shape[1]
        positive = positive / self.temperature
        total = torch.logsumexp(negative / self.temperature, dim=1, keepdim=True)
        floor = math.log(count) - 1 / self.temperature
        # What is left of the sum, as a share of it. The exponent is bounded because an infinite slope times the zero
        # that `where` sends back would be NaN; from far below the bound on nothing is left anyway.
        left = 1 - self.prior * count * torch.exp((positive - total).clamp_max(80.0))
        some = left > 0
        corrected = total + torch.log(torch.where(some, left, 1.0)) - math.log(1 - self.prior)
        corrected = torch.where(some, corrected, floor).clamp_min(floor)
        return F.softplus(corrected - positive).mean(dim=1)


class DebiasedOptions(SimilarityOptions):
    """:class:`Debiased`."""

    kind: Literal["debiased"] = "debiased"
    temperature: PositiveFloat = Field(
        0.5, description="divides similarities; lower values emphasize the hardest samples"
    )
    prior: float = Field(0.1, ge=0, lt=1, description="probability that a negative is really a positive")

    def build(self, samples: int) -> SimilarityObjective:
        return Debiased(self.temperature, self.prior)
