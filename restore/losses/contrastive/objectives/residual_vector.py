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
    towards, away = _mean_direction(good), _mean_direction(bad)
    direction = F.normalize(towards - away, dim=0)
    return Residual(direction, (towards * direction).sum())


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
