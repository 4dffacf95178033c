"""The subtracted distance of SPN (Wu et al., AAAI 2024), held from below."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from restore.losses.contrastive.objectives.base import EmbeddingObjective, ObjectiveOptions


class L1Difference(EmbeddingObjective):
    """pull * mean_p d(q, p) - mean_n w_n min(d(q, n), reach * e_n), with d the mean absolute difference.

    e_n = mean_p d(n, p) is the error of a negative, and w_n is 1 if that of the output, mean_p d(q, p), is no larger
    and 0 otherwise. The weights are constants to the gradient.

    SPN subtracts mean_n d(q, n) as it is, which has no bound: an output that moves away from its negatives without end
    has the least loss of all. Here a negative pushes only until the output is ``reach`` times as far from it as the
    positives are, and only an output that is at least as good. The second condition matters where negatives follow the
    network: an output pushed past the positive would become the next negative, twice as far away, and so on. The loss
    is never below -reach * mean_n e_n, which no output changes.

    Args:
        pull: weight of the distance to the positives. SPN has 0, beside a pixel loss, and a variant 1.
        reach: how far a negative pushes, in units of its distance to the positives. At 1 and with one positive, an
            output at the positive has the least loss.
    """

    def __init__(self, pull: float = 1.0, reach: float = 1.0) -> None:
        super().__init__()
        self.pull, self.reach = pull, reach

    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = (query[:, None] - positive).abs().flatten(1).mean(dim=1)
        far = (query[:, None] - negative).abs().flatten(2).mean(dim=2)
        with torch.no_grad():
            # (N, M): how far each negative is from the positives.
            errors = (positive[:, :, None] - negative[:, None]).abs().flatten(3).mean(dim=(1, 3))
            passed = (near[:, None] <= errors).to(near)
        return self.pull * near - (passed * torch.minimum(far, self.reach * errors)).mean(dim=1)


class L1DifferenceOptions(ObjectiveOptions):
    """:class:`L1Difference`."""

    kind: Literal["l1-difference"] = "l1-difference"
    pull: float = Field(1.0, ge=0, description="weight of the distance to the positives; 0 for negatives alone (SPN)")
    reach: PositiveFloat = Field(
        1.0, description="how far a negative pushes the output, in units of its distance to the positives"
    )

    def build(self, samples: int) -> EmbeddingObjective:
        return L1Difference(self.pull, self.reach)
