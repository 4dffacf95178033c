"""The triplet loss (Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015) on L1 distances."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from restore.losses.contrastive.objectives.base import EmbeddingObjective, ObjectiveOptions


class L1Margin(EmbeddingObjective):
    """mean_p mean_n max(0, d(q, p) - d(q, n) + margin d(p, n)), with d the mean absolute difference; 0 is the bound.

    FaceNet's margin is a number. Distances of features differ by orders of magnitude between the taps of an encoder,
    so here it is a fraction of the distance between positive and negative: with 1, only an output at the positive is
    near enough; with 0, any that is nearer to the positive than to the negative. Only the output gets a gradient.

    Args:
        margin: 0 to 1.
    """

    def __init__(self, margin: float = 0.5) -> None:
        super().__init__()
        self.margin = margin

    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = (query[:, None] - positive).abs().flatten(2).mean(dim=2)
        far = (query[:, None] - negative).abs().flatten(2).mean(dim=2)
        between = (positive[:, :, None] - negative[:, None]).abs().flatten(3).mean(dim=3)
        return (near[:, :, None] - far[:, None] + self.margin * between).clamp_min(0).mean(dim=(1, 2))


class L1MarginOptions(ObjectiveOptions):
    """:class:`L1Margin`."""

    kind: Literal["l1-margin"] = "l1-margin"
    margin: float = Field(
        0.5, ge=0, le=1, description="how much nearer the output must be, in units of the distance of the samples"
    )

    def build(self, samples: int) -> EmbeddingObjective:
        return L1Margin(self.margin)
