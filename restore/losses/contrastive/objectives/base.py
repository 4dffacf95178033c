"""Inputs and output of an objective: one loss for each query.

Two families, distinguished by type. Most objectives need only similarities; a few need the embeddings themselves.
Both compute in float32 at least, even under autocast: exp and log need the precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn


class SimilarityObjective(nn.Module, ABC):
    """A loss of similarities alone.

    Shape:
        positive (N, P) and negative (N, M), cosines on -1..1, to (N,). P and M are at least 1.
    """

    def forward(self, positive: Tensor, negative: Tensor) -> Tensor:
        with torch.autocast(positive.device.type, enabled=False):
            return self.loss(at_least_float32(positive), at_least_float32(negative))

    @abstractmethod
    def loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss, in the precision of its arguments."""


class IndexedObjective(nn.Module, ABC):
    """A loss of similarities that remembers something of each training sample.

    Shape:
        positive (N, P), negative (N, M) and index (N,), the samples' numbers in the training set, int64, to (N,).
    """

    def forward(self, positive: Tensor, negative: Tensor, index: Tensor) -> Tensor:
        with torch.autocast(positive.device.type, enabled=False):
            return self.loss(at_least_float32(positive), at_least_float32(negative), index)

    @abstractmethod
    def loss(self, positive: Tensor, negative: Tensor, index: Tensor) -> Tensor:
        """The loss, in the precision of its arguments."""


class EmbeddingObjective(nn.Module, ABC):
    """A loss that needs the embeddings: distances of its own, not cosines.

    Shape:
        query (N, C, ...), positive (N, P, C, ...) and negative (N, M, C, ...) to (N,); ``...`` are positions, or none.
    """

    def forward(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        with torch.autocast(query.device.type, enabled=False):
            return self.loss(at_least_float32(query), at_least_float32(positive), at_least_float32(negative))

    @abstractmethod
    def loss(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss, in the precision of its arguments."""


Objective = SimilarityObjective | IndexedObjective | EmbeddingObjective


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision widened to float32; float32 and float64 as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def log_odds(positive: Tensor, negative: Tensor, temperature: float | Tensor) -> Tensor:
    """log(sum_n exp(s_n / t) / exp(s_p / t)): by how much the negatives together outweigh each positive.

    The negatives' sum is taken inside logsumexp, so no similarity and no temperature overflows.

    Shape:
        positive (N, P) and negative (N, M) to (N, P).
    """
    return torch.logsumexp(negative / temperature, dim=1, keepdim=True) - positive / temperature


class ObjectiveOptions(BaseModel, ABC):
    """Options of an objective in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    remembers_samples: ClassVar[bool] = False
    """Whether the objective keeps state for each training sample (:class:`IndexedObjective`)."""

    @abstractmethod
    def build(self, samples: int) -> Objective:
        """The objective, freshly initialized.

        Args:
            samples: size of the training set, for an objective that remembers each sample.
        """


class SimilarityOptions(ObjectiveOptions):
    """Options of an objective of similarities alone, which works on whole pictures and on positions."""

    @abstractmethod
    def build(self, samples: int) -> SimilarityObjective:
        """The objective; ``samples`` has no effect."""
