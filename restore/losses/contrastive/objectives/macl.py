"""Model-aware contrastive learning (Huang et al., ICML 2023)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions, log_odds

# Of the factor on the temperature: positives far from aligned would make it 0, or less.
_LEAST = 0.1


class MACL(SimilarityObjective):
    """InfoNCE whose temperature follows the model and whose gradient does not fade with the number of negatives.

    With A the mean similarity of the positives, t = t0 (1 + alpha (A - A0)): a model that aligns well already gets a
    higher temperature, which is gentler on negatives that may be similar. With P the probability of the positive, the
    loss is -log(P) / (1 - P); A and 1 - P are constants to the gradient. Its lower bound is 1, not 0.

    Args:
        temperature: t0.
        alpha: how far the temperature follows, 0..1. 0 keeps it at t0.
        alignment: A0, the alignment at which the temperature is t0, 0..1.
    """

    def __init__(self, temperature: float = 0.1, alpha: float = 0.5, alignment: float = 0.0) -> None:
        super().__init__()
        self.temperature, self.alpha, self.alignment = temperature, alpha, alignment

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        aligned = positive.detach().mean()
        adapted = self.temperature * (1 + self.alpha * (aligned - self.alignment)).clamp_min(_LEAST)
        odds = log_odds(positive, negative, adapted)
        miss = torch.sigmoid(odds.detach())  # 1 - P, without the cancellation
        return (F.softplus(odds) / miss.clamp_min(torch.finfo(miss.dtype).tiny)).mean(dim=1)


class MACLOptions(SimilarityOptions):
    """:class:`MACL`."""

    kind: Literal["macl"] = "macl"
    temperature: PositiveFloat = Field(
        0.1, description="divides similarities; lower values emphasize the hardest samples"
    )
    alpha: float = Field(0.5, ge=0, le=1, description="how far the temperature follows the alignment")
    alignment: float = Field(0.0, ge=0, le=1, description="mean similarity at which the temperature is as given")

    def build(self, samples: int) -> SimilarityObjective:
        return MACL(self.temperature, self.alpha, self.alignment)
