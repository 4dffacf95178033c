"""Positions of pictures compared with one another: PatchNCE (CUT; Park et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.base import ALONE, LossTerm, RecipeFacts, TrainingContext
from restore.losses.contrastive import random_draws
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.hard_mixing import HardMixing, mix_hard_negatives
from restore.losses.contrastive.objectives.base import SimilarityObjective, at_least_float32
from restore.losses.contrastive.objectives.infonce import InfoNCEOptions
from restore.losses.contrastive.objectives.registry import AnySimilarityObjective
from restore.losses.contrastive.queue import KeyQueue
from restore.losses.contrastive.similarity import position_similarities
from restore.losses.enlarge import enlarged
from restore.losses.features import AnyEncoderLossOptions


class Head(nn.Module):
    """Two linear layers, from a tap's channels to unit vectors: (..., channels) to (..., dim), float32 at least."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(at_least_float32(self.layers(features)), dim=-1)


class PatchContrast(nn.Module):
    """A position of the query must be more similar to the same position of the key than to any other.

    At each tap, some positions are sampled, the same in query and key and in the whole batch, and a shared head maps
    their features to unit vectors. Negatives are the keys of the other positions of the same picture; with a queue,
    also keys of earlier pictures, and mixtures of the hardest of these. Keys are constants: the gradient reaches the
    query, and through it the head.

    Heads are built here rather than at first use, so that an optimizer finds them; train them along with the network.

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
            keys: features of the picture that the output must correspond to, of the same shapes. They may come from
                another encoder, such as a moving average of the queries' encoder.
            generator: source of randomness of the positions and mixtures.

        Raises:
            ValueError: queries or keys are not as many as the heads.
        """
        taps = zip(range(len(self.heads)), queries, keys, strict=True)
        losses = [self._tap(tap, query, key.detach(), generator) for tap, query, key in taps]
        return torch.stack(losses).mean()

    def _tap(self, tap: int, query: Tensor, key: Tensor, generator: torch.Generator) -> Tensor:
        places = random_draws.permutation(query.shape[2:].numel(), generator, query.device)[: self.positions]
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
        """Similarities of (Q, D) to the keys (K, D), and to mixtures of them."""
        with torch.autocast(query.device.type, enabled=False):
            similarities = query @ keys.T.to(query)
        if self.mixing is None:
            return similarities
        mixed = mix_hard_negatives(query, keys.to(query), self.mixing, generator)
        return torch.cat([similarities, (query[:, None] * mixed).sum(dim=2)], dim=1)


def at(features: Tensor, places: Tensor) -> Tensor:
    """(N, C, h, w) at S positions to (N, S, C)."""
    return features.flatten(2)[:, :, places].transpose(1, 2)


class PatchRegularizer(LossTerm):
    """:class:`PatchContrast` between pictures.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
        contrast: with a head for each of the encoder's taps.
        key: the picture that the output must match, position by position: ``input`` keeps content, as in CUT;
            ``target`` restores, as CIFR's identity regularization does.
        freeze: False if the encoder is part of the trained network (CUT: the generator's own), so that it learns from
            the queries.
        network: the network being trained, if it should leave targets unchanged: half of the loss then
            compares its result for the target with the target (CUT's identity loss).
    """

    def __init__(
        self,
        encoder: nn.Module,
        contrast: PatchContrast,
        key: Literal["input", "target"] = "target",
        freeze: bool = True,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.contrast, self.key, self.freeze = encoder, contrast, key, freeze
        self._lent = (network,)  # a tuple, so that it is no submodule of this module

    @property
    def learned(self) -> nn.Module:
        return self.contrast

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss = self._correspondence(output, target, input, generator)
        (network,) = self._lent
        if network is not None:
            loss = (loss + self._correspondence(network(target), target, target, generator)) / 2
        return loss

    def _correspondence(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        key = target if self.key == "target" else enlarged(input, *output.shape[-2:])
        with frozen(self.encoder) if self.freeze else nullcontext():
            queries = self.encoder(output)
            with torch.no_grad():
                keys = self.encoder(key)
        loss: Tensor = self.contrast(queries, keys, generator)
        return loss


class PatchNceLossOptions(AnyEncoderLossOptions):
    """Compare positions of the output with those of its target or input, through trainable heads."""

    kind: Literal["patch-nce"] = "patch-nce"
    key: Literal["input", "target"] = Field(
        "target", description="picture that the output must match, position by position"
    )
    objective: AnySimilarityObjective = Field(InfoNCEOptions(), description="turns similarities into a loss")
    positions: int = Field(256, ge=2, description="sampled at each tap")
    dim: PositiveInt = Field(256, description="length of the vectors compared")
    queue: int = Field(0, ge=0, description="keys of past pictures kept at each tap as further negatives")
    mixing: HardMixing | None = Field(None, description="harder negatives mixed from the queue's; null for none")
    identity: bool = Field(
        False,
        description="also train the network to leave targets unchanged, at half the weight each (CUT); scale 1 only",
    )

    @model_validator(mode="after")
    def _mixing_needs_a_queue(self) -> Self:
        if self.mixing is not None and self.queue < 2:
            raise ValueError(f"mixing takes its negatives from the queue: set queue, now {self.queue}, to 2 or more")
        return self

    @property
    def needs_pairs(self) -> bool:
        return self.key == "target"

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if self.identity and recipe.scale != 1:
            raise ValueError(f"patch-nce with identity is for scale 1, where targets are inputs, not {recipe.scale}")

    def regularizer(
        self,
        encoder: nn.Module,
        channels: Sequence[int],
        freeze: bool = True,
        network: nn.Module | None = None,
    ) -> PatchRegularizer:
        """The term in the features of a given encoder; its heads are trained along with the network.

        Args:
            encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
            channels: of each of its taps.
            freeze: False if the encoder is part of the trained network.
            network: see :class:`PatchRegularizer`.
        """
        objective = self.objective.build(0)
        contrast = PatchContrast(channels, objective, self.positions, self.dim, self.queue, self.mixing)
        return PatchRegularizer(encoder, contrast, self.key, freeze, network)

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        encoder = self.features(context)
        if self.identity and context.network is None:
            raise ValueError("patch-nce with identity needs the network that is trained")
        network = context.network if self.identity else None
        return self.regularizer(encoder, encoder.channels, freeze=not self.own, network=network)
