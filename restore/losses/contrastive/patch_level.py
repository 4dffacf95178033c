"""Positions of pictures compared with one another: PatchNCE (CUT; Park et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.contrastive import draws
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.hard_mixing import HardMixing, mix_hard_negatives
from restore.losses.contrastive.objectives.base import SimilarityObjective, at_least_float32
from restore.losses.contrastive.queue import KeyQueue
from restore.losses.contrastive.samples import enlarged
from restore.losses.contrastive.similarity import position_similarities


class Head(nn.Module):
    """Two linear layers, from a tap's channels to unit vectors: (..., channels) to (..., dim), float32 at least."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(at_least_float32(self.layers(features)), dim=-1)


class PatchContrast(nn.Module):
    """A position of the query must be more like the same position of the key than like any other.

    At each tap some positions are sampled, the same in query and key and in the whole batch, and brought to unit
    vectors by a head, the same for both. Negatives are the keys of the other positions of the same picture; with a
    queue, also keys of pictures that came before, and mixtures of the hardest of these. Keys are constants: the
    gradient reaches the query, and the head by way of the query.

    Heads are built here, not at the first use, so that an optimiser finds them; train them along with the network.

    Args:
        channels: of each tap.
        objective: how similarities become a loss; PatchNCE is ``InfoNCE(0.07)``.
        positions: sampled at each tap, at most; fewer where the map has fewer.
        dim: length of the heads' vectors.
        queue: keys of past pictures to keep at each tap; 0 for none.
        mixing: negatives mixed from the queue's; None for none.

    Raises:
        ValueError: mixing without a queue.
    """

    def __init__(
        self,
        channels: Sequence[int],
        objective: SimilarityObjective,
        positions: int = 256,
        dim: int = 256,
        queue: int = 0,
        mixing: HardMixing | None = None,
    ) -> None:
        super().__init__()
        if mixing is not None and queue < 2:
            raise ValueError(f"hard negatives are mixed from a queue: a queue of {queue} keys is too short")
        self.heads = nn.ModuleList(Head(c, dim) for c in channels)
        self.queues = nn.ModuleList(KeyQueue(queue, dim) for _ in channels) if queue else None
        self.objective, self.positions, self.mixing = objective, positions, mixing

    def forward(self, queries: Sequence[Tensor], keys: Sequence[Tensor], generator: torch.Generator) -> Tensor:
        """The mean over taps and positions, a scalar.

        Args:
            queries: features of the output at each tap, (N, C, h, w).
            keys: features at the same positions of what the output must correspond to, of the same shapes. They may
                come from another encoder, such as a moving average of the queries'.
            generator: of the positions and mixtures.

        Raises:
            ValueError: queries or keys are not as many as the heads.
        """
        taps = zip(range(len(self.heads)), queries, keys, strict=True)
        losses = [self._tap(tap, query, key.detach(), generator) for tap, query, key in taps]
        return torch.stack(losses).mean()

    def _tap(self, tap: int, query: Tensor, key: Tensor, generator: torch.Generator) -> Tensor:
        places = draws.permutation(query.shape[2:].numel(), generator, query.device)[: self.positions]
        vectors = self.heads[tap](at(query, places))
        with torch.no_grad():
            constants = self.heads[tap](at(key, places))
        positive, negative = position_similarities(vectors, constants)
        if self.queues is not None:
            queue = self.queues[tap]
            assert isinstance(queue, KeyQueue)
            past = self._past_similarities(vectors.flatten(0, 1), queue.keys, generator)
            negative = torch.cat([negative, past], dim=1)
            if self.training:
                queue.push(constants.flatten(0, 1))
        losses: Tensor = self.objective(positive, negative)
        return losses.mean()

    def _past_similarities(self, query: Tensor, keys: Tensor, generator: torch.Generator) -> Tensor:
        """Similarities of (Q, D) to the keys (K, D), and to what is mixed from them."""
        with torch.autocast(query.device.type, enabled=False):
            similarities = query @ keys.T.to(query)
        if self.mixing is None:
            return similarities
        mixed = mix_hard_negatives(query, keys.to(query), self.mixing, generator)
        return torch.cat([similarities, (query[:, None] * mixed).sum(dim=2)], dim=1)


def at(features: Tensor, places: Tensor) -> Tensor:
    """(N, C, h, w) at S places to (N, S, C)."""
    return features.flatten(2)[:, :, places].transpose(1, 2)


class PatchRegulariser(nn.Module):
    """:class:`PatchContrast` between pictures.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
        contrast: with a head for each of the encoder's taps.
        key: what the output must correspond to, position by position: ``input`` keeps content, as in CUT; ``target``
            restores, as CIFR's identity regularisation does.
        freeze: False where the encoder belongs to the network that is trained (CUT: the generator's own), so that
            it learns from the queries.
    """

    def __init__(
        self,
        encoder: nn.Module,
        contrast: PatchContrast,
        key: Literal["input", "target"] = "target",
        freeze: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.contrast, self.key, self.freeze = encoder, contrast, key, freeze

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch, a scalar; arguments as in :meth:`ContrastiveRegulariser.forward`."""
        key = target if self.key == "target" else enlarged(input, *output.shape[-2:])
        with frozen(self.encoder) if self.freeze else nullcontext():
            queries = self.encoder(output)
            with torch.no_grad():
                keys = self.encoder(key)
        loss: Tensor = self.contrast(queries, keys, generator)
        return loss
