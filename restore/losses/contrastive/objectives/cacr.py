"""Contrastive attraction and contrastive repulsion (Zheng et al., 2021)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import EmbeddingObjective, ObjectiveOptions


class CACR(EmbeddingObjective):
    """Far positives pull harder, near negatives push harder.

    With d the squared Euclidean distance of unit vectors, the mean over the positions:
    sum_p softmax_p(t+ d_p) d_p - sum_n softmax_n(-t- d_n) d_n, between -4 and 4. The softmax weights are constants to
    the gradient. With one positive the attraction is plain.

    Args:
        positive_temperature: t+; 0 weighs all positives alike.
        negative_temperature: t-; 0 weighs all negatives alike.
    """

    def __init__(self, positive_temperature: float = 1.0, negative_temperature: float = 1.0) -> None:
        super().__init__()
        self.positive_temperature, self.negative_temperature = positive_temperature, negative_temperature

    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        attraction, repulsion = _squared_distance(query, positive), _squared_distance(query, negative)
        pull = torch.softmax(self.positive_temperature * attraction.detach(), dim=1)
        push = torch.softmax(-self.negative_temperature * repulsion.detach(), dim=1)
        return (pull * attraction).sum(dim=1) - (push * repulsion).sum(dim=1)


def _squared_distance(query: Tensor, others: Tensor) -> Tensor:
    """(N, C, ...) and (N, K, C, ...) to (N, K), 0..4."""
    difference = F.normalize(query, dim=1)[:, None] - F.normalize(others, dim=2)
    distance = difference.square().sum(dim=2)
    return distance.reshape(*distance.shape[:2], -1).mean(dim=2)


class CACROptions(ObjectiveOptions):
    """:class:`CACR`."""

    kind: Literal["cacr"] = "cacr"
    positive_temperature: float = Field(1.0, ge=0, description="how much harder far positives pull")
    negative_temperature: float = Field(1.0, ge=0, description="how much harder near negatives push")

    def build(self, samples: int) -> EmbeddingObjective:
        return CACR(self.positive_temperature, self.negative_temperature)
