"""RAVE's guidance: a direction fitted once to good and bad pictures, along which the output is then scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.clip import ClipOptions, Vocabulary
from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.losses.base import ALONE, LossTerm, TrainingContext
from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.objectives.residual_vector import (
    Residual,
    residual_loss,
    residual_vector,
    shifted_vector,
)
from restore.losses.features import AnyHeldFeatures, EncoderLossOptions


@runtime_checkable
class HasVocabulary(Protocol):
    """An encoder whose words can describe a direction."""

    def vocabulary(self) -> Vocabulary:
        """Words and their embeddings."""


class ResidualGuide(nn.Module):
    """The residual vector of RAVE, described in words if the encoder has a text side.

    Args:
        dimensions: of the embedding.
        words: number of words to report for each end of the direction.
        shift: number of words at each end whose common part is removed from the direction
            (:func:`~restore.losses.contrastive.objectives.residual_vector.shifted_vector`); 0 for none.
    """

    direction: Tensor
    threshold: Tensor

    def __init__(self, dimensions: int, words: int = 8, shift: int = 0) -> None:
        super().__init__()
        self.words, self.shift = words, shift
        # NaN until it is found, so that nothing can be trained with it before.
        self.register_buffer("direction", torch.full((dimensions,), torch.nan))
        self.register_buffer("threshold", torch.full((), torch.nan))

    def find(self, good: Tensor, bad: Tensor, encoder: nn.Module) -> Iterator[str]:
        """Find the direction.

        Args:
            good: (N, D) embeddings of good pictures.
            bad: (M, D) embeddings of pictures to restore.
            encoder: with ``vocabulary()`` if it has a text side.

        Yields:
            Descriptions of the result, one line each.
        """
        found = residual_vector(good, bad)
        vocabulary = encoder.vocabulary() if isinstance(encoder, HasVocabulary) and (self.words or self.shift) else None
        if vocabulary is not None and self.shift:
            found = shifted_vector(found, good, vocabulary.embeddings, self.shift)
        self.direction.copy_(found.direction)
        self.threshold.copy_(found.threshold)
        mean = F.cosine_similarity(bad, found.direction[None]).mean()
        yield f"good pictures lie {float(found.threshold):.3f} along the direction, those to restore {float(mean):.3f}"
        if vocabulary is not None and self.words:
            scores = F.normalize(vocabulary.embeddings, dim=1) @ found.direction
            for end, largest in (("toward", True), ("away from", False)):
                which = scores.topk(self.words, largest=largest).indices.tolist()
                yield f"{end}: " + ", ".join(vocabulary.words[i] for i in which)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(N, D) to (N,): :func:`~restore.losses.contrastive.objectives.residual_vector.residual_loss`."""
        return residual_loss(embeddings, Residual(self.direction, self.threshold))


class GuidedTerm(LossTerm):
    """How far the output lies from good pictures along a direction of an embedding (RAVE), found before step 0.

    Args:
        encoder: whose last feature map, averaged over its positions, is the embedding.
        guide: finds the direction and holds it.
        samples: number of samples to find it from.
    """

    def __init__(self, encoder: Embedding, guide: ResidualGuide, samples: int) -> None:
        super().__init__()
        self.encoder, self.guide, self.samples = encoder, guide, samples

    @property
    def learned(self) -> nn.Module:
        return self.guide

    @property
    def calibration_samples(self) -> int:
        return self.samples

    def calibrate(self, samples: Iterable[tuple[Tensor, Tensor]]) -> Iterator[str]:
        with torch.no_grad():
            bad, good = zip(*((self.encoder(low), self.encoder(high)) for low, high in samples), strict=True)
        return self.guide.find(torch.cat(good), torch.cat(bad), self.encoder.encoder)

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss: Tensor = self.guide(self.encoder(output)).mean()
        return loss


class ResidualVectorOptions(EncoderLossOptions):
    """Pull the output along the direction from bad to good pictures, as far as good ones lie: RAVE's guidance."""

    kind: Literal["residual-vector"] = "residual-vector"
    encoder: AnyHeldFeatures = Field(
        EfficientNetLite0Options(taps=("head",)), description="encoder whose embeddings are compared"
    )
    side: PositiveInt | None = Field(
        224, description="side of the square that pictures are resized to; null keeps their size"
    )
    samples: PositiveInt = Field(
        384, description="good and bad pictures each that the direction is fitted to before step 0"
    )
    words: int = Field(8, ge=0, description="words to report for each end of the direction, if the encoder reads text")
    shift: int = Field(0, ge=0, description="words at each end whose common part is removed from the direction")

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if self.shift and not isinstance(self.encoder, ClipOptions):
            raise ValueError(
                f"shift needs an encoder that reads text, and '{self.encoder.kind}' does not: leave it at 0"
            )
        return self

    @property
    def needs_pairs(self) -> bool:
        return False

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        embedding = Embedding(self.features(context), self.side)
        guide = ResidualGuide(embedding.encoder.channels[-1], self.words, self.shift)
        return GuidedTerm(embedding, guide, self.samples)
