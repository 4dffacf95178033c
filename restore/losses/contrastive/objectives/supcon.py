"""Supervised contrastive learning (Khosla et al., NeurIPS 2020), its L_out."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions, at_least_float32


class SupCon(SimilarityObjective):
    """InfoNCE whose positives share one denominator, so that they compete: log sum_all e^(s/t) - mean_p s_p/t.

    Args:
        temperature: t.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = temperature

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        everything = torch.cat([positive, negative], dim=1) / self.temperature
        return torch.logsumexp(everything, dim=1) - positive.mean(dim=1) / self.temperature


def supervised_contrastive(embeddings: Tensor, labels: Tensor, temperature: float = 0.07) -> Tensor:
    """The same within a labeled batch: all others are compared, those with the same label are positive.

    Args:
        embeddings: (N, D), need not be unit vectors.
        labels: (N,), int64.
        temperature: t.

    Returns:
        (N,); 0 for an embedding that is alone with its label.
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        unit = F.normalize(at_least_float32(embeddings), dim=1)
        logits = unit @ unit.T / temperature
        own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        same = (labels[:, None] == labels) & ~own
        # The smallest number, not -inf: a row of one embedding alone would have no sum.
        others = logits.masked_fill(own, torch.finfo(logits.dtype).min)
        log_probability = (logits - torch.logsumexp(others, dim=1, keepdim=True)).masked_fill(~same, 0)
        return -log_probability.sum(dim=1) / same.sum(dim=1).clamp_min(1)


class SupConOptions(SimilarityOptions):
    """:class:`SupCon`."""

    kind: Literal["supcon"] = "supcon"
    temperature: PositiveFloat = Field(
        0.07, description="divides similarities; lower values emphasize the hardest samples"
    )

    def build(self, samples: int) -> SimilarityObjective:
        return SupCon(self.temperature)
