"""Cosine similarity of feature maps, of vectors, and of the positions of two maps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import at_least_float32


def cosine(query: Tensor, others: Tensor) -> Tensor:
    """Cosine over the channels at each position, the mean over the positions (PCL-SR's similarity).

    Computed in float32 at least. A position whose features are all zero counts as 0.

    Shape:
        query (N, C, ...) and others (N, K, C, ...) to (N, K), -1..1; ``...`` are positions, or nothing.
    """
    similarity = F.cosine_similarity(at_least_float32(query)[:, None], at_least_float32(others), dim=2)
    return similarity.reshape(*similarity.shape[:2], -1).mean(dim=2)


def position_similarities(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Each position's similarity to its own key, and to the keys of the other positions of the same picture.

    Args:
        query: (N, S, D) unit vectors at S positions, S at least 2.
        key: (N, S, D) unit vectors at the same positions.

    Returns:
        positive (N * S, 1) and negative (N * S, S - 1).

    Raises:
        ValueError: a single position, which has no others.
    """
    n, s, _ = query.shape
    if s < 2:
        raise ValueError("a single position has nothing to be compared with: sample two or more, or use an earlier tap")
    with torch.autocast(query.device.type, enabled=False):
        similarities = torch.bmm(query, key.transpose(1, 2))
    positive = similarities.diagonal(dim1=1, dim2=2)
    # Without its first element, in rows of s + 1, a square matrix has its diagonal in the last column. A boolean mask
    # would also work, but synchronizes with a GPU.
    others = similarities.flatten(1)[:, 1:].reshape(n, s - 1, s + 1)[:, :, :-1]
    return positive.reshape(n * s, 1), others.reshape(n * s, s - 1)
