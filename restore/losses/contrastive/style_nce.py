"""Styles compared by correlations between positions of a picture: the style term of CIFR (Kinli et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.base import ALONE, LossTerm, TrainingContext
from restore.losses.contrastive import random_draws
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.objectives.base import SimilarityObjective
from restore.losses.contrastive.objectives.infonce import InfoNCEOptions
from restore.losses.contrastive.objectives.registry import AnySimilarityObjective
from restore.losses.contrastive.patch_nce import Head, at
from restore.losses.contrastive.similarity import cosine
from restore.losses.enlarge import enlarged
from restore.losses.features import AnyEncoderLossOptions


class StyleContrast(nn.Module):
    """The output's style must be closer to the target's than to the input's.

    At each tap, some positions are sampled, the same in all three pictures, and a head maps their features to unit
    vectors. The similarities between all positions of a picture form a matrix that does not contain the content itself;
    each row of the output's matrix should be closer to the same row of the target's than of the input's. Target and
    input are constants: the gradient reaches the output, and through it the heads.

    Args:
        channels: of each tap.
        objective: how similarities become a loss; CIFR's is ``InfoNCE(0.07)``.
        positions: sampled at each tap, at most; fewer where the map has fewer.
        dim: length of the heads' vectors.
    """

    def __init__(
        self, channels: Sequence[int], objective: SimilarityObjective, positions: int = 256, dim: int = 256
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(c, dim) for c in channels)
        self.objective, self.positions = objective, positions

    def forward(
        self,
        outputs: Sequence[Tensor],
        targets: Sequence[Tensor],
        inputs: Sequence[Tensor],
        generator: torch.Generator,
    ) -> Tensor:
        """The mean over taps and positions, a scalar.

        Args:
            outputs: features of the output at each tap, (N, C, h, w).
            targets: the same for the target.
            inputs: the same for the input.
            generator: source of randomness of the positions.

        Raises:
            ValueError: a map has a single position, which has nothing to be compared with.
        """
        losses = []
        for head, output, target, input in zip(self.heads, outputs, targets, inputs, strict=True):
            if output.shape[2:].numel() < 2:
                raise ValueError("style-nce: a map of one position has no style: use larger patches or earlier taps")
            places = random_draws.permutation(output.shape[2:].numel(), generator, output.device)[: self.positions]
            made = _rows(head(at(output, places)))
            with torch.no_grad():
                wanted, had = (_rows(head(at(x.detach(), places)))[:, None] for x in (target, input))
            losses.append(self.objective(cosine(made, wanted), cosine(made, had)).mean())
        return torch.stack(losses).mean()


def _rows(vectors: Tensor) -> Tensor:
    """Unit vectors (N, S, D) to the rows of their Gram matrix over positions, each a query: (N * S, S)."""
    with torch.autocast(vectors.device.type, enabled=False):
        rows: Tensor = F.normalize(vectors @ vectors.transpose(1, 2), dim=2)
    return rows.flatten(0, 1)


class StyleNceTerm(LossTerm):
    """:class:`StyleContrast` in the features of an encoder; its heads are trained along with the network.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
        contrast: with a head for each of the encoder's taps.
        freeze: False if the encoder is part of the trained network.
    """

    def __init__(self, encoder: nn.Module, contrast: StyleContrast, freeze: bool) -> None:
        super().__init__()
        self.encoder, self.contrast, self.freeze = encoder, contrast, freeze

    @property
    def learned(self) -> nn.Module:
        return self.contrast

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        with frozen(self.encoder) if self.freeze else nullcontext():
            made = self.encoder(output)
            with torch.no_grad():
                wanted, had = self.encoder(target), self.encoder(enlarged(input, *output.shape[-2:]))
        loss: Tensor = self.contrast(made, wanted, had, generator)
        return loss


class StyleNceOptions(AnyEncoderLossOptions):
    """Pull the output's style toward the target's and away from the input's: CIFR's style term, with learned heads."""

    kind: Literal["style-nce"] = "style-nce"
    objective: AnySimilarityObjective = Field(InfoNCEOptions(), description="turns similarities into a loss")
    positions: int = Field(256, ge=2, description="sampled at each tap, at most")
    dim: PositiveInt = Field(256, description="length of the heads' vectors")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        encoder = self.features(context)
        contrast = StyleContrast(encoder.channels, self.objective.build(0), self.positions, self.dim)
        return StyleNceTerm(encoder, contrast, freeze=not self.own)
