"""InfoNCE (van den Oord et al., 2018), also called NT-Xent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions, log_odds


class InfoNCE(SimilarityObjective):
    """-log( e^(s_p/t) / (e^(s_p/t) + sum_n e^(s_n/t)) ), the mean over the positives; 0 is the bound.

    Each positive has a denominator of its own: positives do not compete with one another (as in PCL-SR).

    Args:
        temperature: t. Small values look at the hardest negatives only.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = temperature

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        return F.softplus(log_odds(positive, negative, self.temperature)).mean(dim=1)


class InfoNCEOptions(SimilarityOptions):
    """:class:`InfoNCE`."""

    kind: Literal["infonce"] = "infonce"
    temperature: PositiveFloat = Field(
        0.07, description="divides similarities; lower values emphasize the hardest samples"
    )

    def build(self, samples: int) -> SimilarityObjective:
        return InfoNCE(self.temperature)
