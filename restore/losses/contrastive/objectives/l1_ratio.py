"""The contrastive regularization of AECR-Net (Wu et al., CVPR 2021): a ratio of L1 distances."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat
from torch import Tensor

from restore.losses.contrastive.objectives.base import EmbeddingObjective, ObjectiveOptions


class L1Ratio(EmbeddingObjective):
    """Mean L1 distance to the positives over mean L1 distance to the negatives; 0 is the bound.

    The denominator is clamped: a network that begins at its negative, as one that first returns its input does, would
    otherwise see a loss without bound. AECR-Net takes the ratio of the whole batch, this one that of each picture, so
    that a picture's loss does not depend on its neighbors.

    Args:
        floor: smallest denominator, in units of the features.
    """

    def __init__(self, floor: float = 1e-2) -> None:
        super().__init__()
        self.floor = floor

    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = (query[:, None] - positive).abs().flatten(1).mean(dim=1)
        far = (query[:, None] - negative).abs().flatten(1).mean(dim=1)
        return near / far.clamp_min(self.floor)


class L1RatioOptions(ObjectiveOptions):
    """:class:`L1Ratio`."""

    kind: Literal["l1-ratio"] = "l1-ratio"
    floor: PositiveFloat = Field(1e-2, description="smallest distance to the negatives, in units of the features")

    def build(self, samples: int) -> EmbeddingObjective:
        return L1Ratio(self.floor)
