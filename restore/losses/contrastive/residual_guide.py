"""RAVE's guidance: a direction found once from pictures of both kinds, by which the output is then judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.contrastive.objectives.residual_vector import (
    Residual,
    residual_loss,
    residual_vector,
    shifted_vector,
)


class ResidualGuide(nn.Module):
    """The residual vector of RAVE, and what it means in words where the encoder has a text side.

    Args:
        dimensions: of the embedding.
        words: how many are told for either end of the direction.
        shift: words of either end whose common part is taken out of the direction
            (:func:`~restore.losses.contrastive.objectives.residual_vector.shifted_vector`); 0 leaves it.
    """

    direction: Tensor
    threshold: Tensor

    def __init__(self, dimensions: int, words: int = 8, shift: int = 0) -> None:
        super().__init__()
        self.words, self.shift = words, shift
        # No numbers until it is found, so that nothing can be trained by it before.
        self.register_buffer("direction", torch.full((dimensions,), torch.nan))
        self.register_buffer("threshold", torch.full((), torch.nan))

    def find(self, good: Tensor, bad: Tensor, encoder: Any) -> Iterator[str]:
        """Find the direction.

        Args:
            good: (N, D) embeddings of pictures as they should be.
            bad: (M, D) embeddings of pictures to restore.
            encoder: with ``vocabulary()`` where it has a text side.

        Yields:
            What was found, in words, a line each.
        """
        found = residual_vector(good, bad)
        vocabulary = encoder.vocabulary() if hasattr(encoder, "vocabulary") and (self.words or self.shift) else None
        if vocabulary is not None and self.shift:
            found = shifted_vector(found, good, vocabulary.embeddings, self.shift)
        self.direction.copy_(found.direction)
        self.threshold.copy_(found.threshold)
        mean = F.cosine_similarity(bad, found.direction[None]).mean()
        yield f"good pictures lie {float(found.threshold):.3f} along the direction, those to restore {float(mean):.3f}"
        if vocabulary is not None and self.words:
            scores = F.normalize(vocabulary.embeddings, dim=1) @ found.direction
            for end, largest in (("towards", True), ("away from", False)):
                which = scores.topk(self.words, largest=largest).indices.tolist()
                yield f"{end}: " + ", ".join(vocabulary.words[i] for i in which)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(N, D) to (N,): :func:`~restore.losses.contrastive.objectives.residual_vector.residual_loss`."""
        return residual_loss(embeddings, Residual(self.direction, self.threshold))
