"""The difference of mean similarities (the default of PCL-SR's released code)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from restore.losses.contrastive.objectives.base import SimilarityObjective, SimilarityOptions


class CosineMargin(SimilarityObjective):
    """mean_n s_n - mean_p s_p, between -2 and 2: every sample pulls or pushes alike, near or far."""

    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        return negative.mean(dim=1) - positive.mean(dim=1)


class CosineMarginOptions(SimilarityOptions):
    """:class:`CosineMargin`."""

    kind: Literal["cosine-margin"] = "cosine-margin"

    def build(self, samples: int) -> SimilarityObjective:
        return CosineMargin()
