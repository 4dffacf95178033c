"""Mixing of hard negatives, MoCHi (Kalantidis et al., NeurIPS 2020)."""

from __future__ import annotations

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive import random_draws


class HardMixing(BaseModel):
    """How many negatives are mixed for each query, and from how many candidates."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    hardest: int = Field(32, ge=2, description="negatives most similar to the query, which are mixed")
    pairs: PositiveInt = Field(16, description="mixtures of two hard negatives")
    with_query: int = Field(16, ge=0, description="mixtures of a hard negative and the query, harder still")


@torch.no_grad()
def mix_hard_negatives(query: Tensor, keys: Tensor, options: HardMixing, generator: torch.Generator) -> Tensor:
    """Synthesize harder negatives by mixing the hardest; they carry no gradient.

    A pair is mixed as a n1 + (1 - a) n2, a uniform on 0..1, n1 and n2 different; with the query as b q + (1 - b) n, b
    uniform on 0..0.5, so that the negative always has the larger part. All are scaled to unit length.

    Args:
        query: (Q, D) unit vectors.
        keys: (M, D) unit vectors, negative for all of them, M at least 2.
        options: how many to mix; with fewer than ``hardest`` keys, all are candidates.
        generator: source of randomness.

    Returns:
        (Q, pairs + with_query, D) unit vectors.
    """
    count, device = len(query), query.device
    with torch.autocast(device.type, enabled=False):
        hard = (query @ keys.T).topk(min(options.hardest, len(keys)), dim=1).indices
    top = hard.shape[1]

    first = random_draws.whole((count, options.pairs), top, generator, device)
    apart = 1 + random_draws.whole((count, options.pairs), top - 1, generator, device)
    one, two = keys[hard.gather(1, first)], keys[hard.gather(1, (first + apart) % top)]
    share = random_draws.uniform((count, options.pairs, 1), 0, 1, generator, query)
    pairs = share * one + (1 - share) * two

    chosen = random_draws.whole((count, options.with_query), top, generator, device)
    share = random_draws.uniform((count, options.with_query, 1), 0, 0.5, generator, query)
    with_query = share * query[:, None] + (1 - share) * keys[hard.gather(1, chosen)]
    return F.normalize(torch.cat([pairs, with_query], dim=1), dim=2)
