"""Curricular contrastive regularization of C2PNet (Zheng et al., CVPR 2023): a ratio of L1 distances, in stages."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from restore.losses.contrastive.objectives.base import EmbeddingObjective, ObjectiveOptions

# Smallest weight of a negative before the weights are normalized.
_LEAST = 1e-6


class CurricularRatio(EmbeddingObjective):
    """The L1 ratio with a weight for each negative: those closer to the positive than the output is count less.

    With d the mean absolute difference, the mean over the positives: d(q, p) / sum_n w_n d(q, n), where w_n is
    proportional to 1 + curriculum if d(q, p) < d(n, p) and to 1 - curriculum otherwise, and the weights sum to 1.
    A negative better than the output would push it away from the positive as well; it gains influence once the output
    has overtaken it. Made for negatives of several qualities, such as outputs of weaker models. Weights are constants
    to the gradient; 0 is the bound.

    C2PNet compares the validation PSNR of the network with that of each negative's model and updates the weights after
    every validation. Here each sample is compared in its own features at every step, so there is nothing to configure
    or to resume. C2PNet also gives the input as much weight as all other negatives together.

    Args:
        curriculum: difference in weight between overtaken negatives and the others, 0 <= curriculum <= 1. 0 is the
            plain L1 ratio.
        floor: smallest denominator, in units of the features.
    """

    def __init__(self, curriculum: float = 0.25, floor: float = 1e-2) -> None:
        super().__init__()
        self.curriculum, self.floor = curriculum, floor

    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = (query[:, None] - positive).abs().flatten(2).mean(dim=2)
        far = (query[:, None] - negative).abs().flatten(2).mean(dim=2)
        with torch.no_grad():
            # (N, P, M): how far each negative is from each positive.
            between = (positive[:, :, None] - negative[:, None]).abs().flatten(3).mean(dim=3)
            sign = torch.where(near[:, :, None] < between, 1.0, -1.0).to(near)
            # With curriculum 1 and nothing overtaken yet, all weights would be 0; equal ones are meant.
            weights = (1 + self.curriculum * sign).clamp_min(_LEAST)
            weights /= weights.sum(dim=2, keepdim=True)
        return (near / (weights * far[:, None]).sum(dim=2).clamp_min(self.floor)).mean(dim=1)


class CurricularRatioOptions(ObjectiveOptions):
    """:class:`CurricularRatio`."""

    kind: Literal["curricular-ratio"] = "curricular-ratio"
    curriculum: float = Field(
        0.25, ge=0, le=1, description="how much less a negative counts while it is better than the output"
    )
    floor: PositiveFloat = Field(1e-2, description="smallest distance to the negatives, in units of the features")

    def build(self, samples: int) -> EmbeddingObjective:
        return CurricularRatio(self.curriculum, self.floor)
