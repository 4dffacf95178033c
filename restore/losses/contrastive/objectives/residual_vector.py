"""The residual vector of RAVE (Gaintseva et al., ECCV 2024): one direction from the bad to the good."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import at_least_float32


class Residual(NamedTuple):
    """A direction, a unit vector (D,), and how far along it good pictures lie on average, a scalar on -1..1."""

    direction: Tensor
    threshold: Tensor


@torch.no_grad()
def residual_vector(good: Tensor, bad: Tensor) -> Residual:
    """The direction from the mean of the bad to the mean of the good.

    Args:
        good: (N, D) embeddings of pictures as they should be.
        bad: (M, D) embeddings of pictures to restore; M may differ from N.
    """
    direction = F.normalize(_mean_direction(good) - _mean_direction(bad), dim=0)
    return Residual(direction, _mean_direction(good) @ direction)


@torch.no_grad()
def shifted_vector(residual: Residual, good: Tensor, words: Tensor, count: int) -> Residual:
    """The direction without what the words at both of its ends have in common: RAVE's "shifted" vector.

    What a set of pictures happens to show, beyond how it is lit, is in the direction too. The words nearest to the
    direction and those farthest from it are averaged, each weighted by the size of its cosine; what both averages share
    is taken out.

    Args:
        residual: from :func:`residual_vector`.
        good: (N, D), the embeddings it was found from.
        words: (V, D) embeddings of a vocabulary.
        count: words of either end; at most V.
    """
    words = F.normalize(at_least_float32(words), dim=1)
    scores = words @ residual.direction
    ends = []
    for which in (scores.topk(count).indices, scores.topk(count, largest=False).indices):
        ends.append(F.normalize((scores[which].abs()[:, None] * words[which]).sum(dim=0), dim=0))
    common = F.normalize(ends[0] + ends[1], dim=0)
    direction = F.normalize(residual.direction - common * (common @ residual.direction), dim=0)
    return Residual(direction, _mean_direction(good) @ direction)


def _mean_direction(embeddings: Tensor) -> Tensor:
    return F.normalize(F.normalize(at_least_float32(embeddings), dim=1).mean(dim=0), dim=0)


def residual_loss(images: Tensor, residual: Residual) -> Tensor:
    """(cos(image, direction) - threshold)^2: as far along the direction as good pictures, and no farther.

    Args:
        images: (N, D) embeddings of the output.
        residual: from :func:`residual_vector`.

    Returns:
        (N,).
    """
    images = at_least_float32(images)
    return (F.cosine_similarity(images, residual.direction.to(images)[None], dim=1) - residual.threshold) ** 2
