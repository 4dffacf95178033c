"""Whole pictures compared, position by position."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from restore.losses.base import ALONE, LossTerm, ModelTerm, NetworkCall, RecipeFacts, TrainingContext
from restore.losses.contrastive.beside_blur import beside_blur
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.grain import grain
from restore.losses.contrastive.model_samples import SampleModel, TeacherSample
from restore.losses.contrastive.objectives.base import IndexedObjective, Objective, SimilarityObjective
from restore.losses.contrastive.objectives.infonce import InfoNCEOptions
from restore.losses.contrastive.objectives.registry import AnyObjective
from restore.losses.contrastive.samples import Samples
from restore.losses.contrastive.similarity import cosine
from restore.losses.enlarge import enlarged
from restore.losses.features import FrozenEncoderLossOptions


class ContrastiveRegularizer(ModelTerm):
    """Pulls the output toward its positives and pushes it from its negatives, at every tap of an encoder.

    PCL-SR (Wu et al., TNNLS 2023) with its cosines and InfoNCE, AECR-Net with :class:`L1Ratio`, and combinations of
    the two. It is a regularizer, to be combined with a pixel loss. With cosines alone, the optimum lies not at the
    positive but beyond it, away from the negative, and the more alike the two are, the farther; the optimum of
    :class:`L1Ratio` is at the positive.

    The gradient reaches the output through the encoder, which is :func:`frozen`; samples are constants.

    Each tap has its own copy of the objective, so that an objective with state does not mix the taps.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps (N, C, h, w).
        samples: which pictures are positive and which negative.
        objective: of either family.
        weights: one for each of the encoder's taps, summed. 1 / taps makes a mean.
        models: what makes the samples of :meth:`Samples.by_models`, in their order.
        grain: only pictures count whose input exceeds their target in :func:`grain` by between these two; None counts
            all.
        blurred: only pictures count of which :func:`beside_blur` is at most this; None counts all.
    """

    def __init__(
        self,
        encoder: nn.Module,
        samples: Samples,
        objective: Objective,
        weights: Sequence[float],
        models: Sequence[SampleModel] = (),
        grain: tuple[float, float] | None = None,
        blurred: float | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.grain = grain
        self.blurred = blurred
        self.samples = samples
        self.models = nn.ModuleList(models)
        self.objectives = nn.ModuleList(copy.deepcopy(objective) for _ in weights)
        self.weights = tuple(weights)

    @property
    def learned(self) -> nn.Module | None:
        # Not all models: a trained network from a file is not saved with the run.
        return self.models if any(True for _ in self.models.parameters()) else None

    def begin(self) -> None:
        for model in self._sample_models():
            model.begin()

    def after_step(self, step: int) -> None:
        for model in self._sample_models():
            model.after_step(step)

    def made(self, call: NetworkCall, generator: torch.Generator) -> list[Tensor]:
        with torch.no_grad():
            return [model.make(call, generator) for model in self._sample_models()]

    def _sample_models(self) -> list[SampleModel]:
        return [model for model in self.models if isinstance(model, SampleModel)]

    def forward(
        self,
        output: Tensor,
        target: Tensor,
        input: Tensor,
        generator: torch.Generator,
        index: Tensor | None = None,
    ) -> Tensor:
        """The loss of a batch without samples by networks; see :meth:`compare`."""
        return self.compare(output, target, input, generator, (), index)

    def compare(
        self,
        output: Tensor,
        target: Tensor,
        input: Tensor,
        generator: torch.Generator,
        made: Sequence[Tensor],
        index: Tensor | None = None,
    ) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            output: (N, 3, H, W), the network's result; it may exceed 0..1.
            target: (N, 3, H, W) on 0..1.
            input: (N, 3, h, w) on 0..1, enlarged to the target's size if it is smaller.
            generator: source of randomness of the samples.
            made: (N, K, 3, H, W) of each of the models.
            index: (N,), the samples' numbers in the training set, for an objective with state.

        Raises:
            ValueError: output and target differ in shape, the encoder's taps are not as many as the weights, or samples
                that networks make are not in ``made``.
        """
        if output.shape != target.shape:
            raise ValueError(f"output {tuple(output.shape)} and target {tuple(target.shape)} must have the same shape")
        low = enlarged(input.detach(), *target.shape[-2:])
        drawn = self.samples.draw(target.detach(), low, generator, made)
        positives = drawn[0].shape[1]
        pictures = torch.cat(drawn, dim=1)
        with frozen(self.encoder):
            queries = self.encoder(output)
            with torch.no_grad():
                others = self.encoder(pictures.flatten(0, 1))
        if len(queries) != len(self.weights):
            raise ValueError(f"{len(self.weights)} weights for {len(queries)} taps of the encoder: give one for each")
        total = output.new_zeros((), dtype=torch.promote_types(output.dtype, torch.float32))
        counts = self._counts(low, target)
        for weight, objective, query, other in zip(self.weights, self.objectives, queries, others, strict=True):
            other = other.reshape(*pictures.shape[:2], *other.shape[1:])
            losses = _compare(objective, query, other[:, :positives], other[:, positives:], index)
            total = total + weight * (losses * counts).mean()
        return total

    @torch.no_grad()
    def _counts(self, input: Tensor, target: Tensor) -> Tensor:
        """(N,), 1 for pictures that count and 0 for the others."""
        count = torch.ones(len(target), dtype=torch.bool, device=target.device)
        if self.grain is not None:
            low, high = self.grain
            more = grain(input) - grain(target)
            count &= (more >= low) & (more <= high)
        if self.blurred is not None:
            count &= beside_blur(input, target) <= self.blurred
        return count.to(torch.float32)


def _compare(objective: nn.Module, query: Tensor, positive: Tensor, negative: Tensor, index: Tensor | None) -> Tensor:
    """Apply the objective to (N, C, h, w), (N, P, C, h, w) and (N, M, C, h, w): (N,)."""
    losses: Tensor
    if isinstance(objective, SimilarityObjective):
        losses = objective(cosine(query, positive), cosine(query, negative))
    elif isinstance(objective, IndexedObjective):
        if index is None:
            raise ValueError(f"{type(objective).__name__} needs the samples' numbers in the training set: give index")
        losses = objective(cosine(query, positive), cosine(query, negative), index)
    else:
        losses = objective(query, positive, negative)
    return losses


class ContrastiveLossOptions(Samples, FrozenEncoderLossOptions):
    """Pull the output toward positives and push it from negatives: :mod:`restore.losses.contrastive`."""

    kind: Literal["contrastive"] = "contrastive"
    objective: AnyObjective = Field(InfoNCEOptions(), description="turns similarities into a loss")
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null averages the taps")
    grain: tuple[float, float] | None = Field(
        None,
        description="only pictures whose input has more grain than their target, by between these two, on 0..1; less "
        "than 0 is less grain; null for all",
    )
    blurred: float | None = Field(
        None,
        gt=0,
        description="only pictures that blur has damaged: those whose input differs from a blurred target at most by "
        "this share of what it differs from the target; 0.35 leaves out JPEG and noise; null for all",
    )

    @field_validator("objective")
    @classmethod
    def _remembers_nothing(cls, objective: AnyObjective) -> AnyObjective:
        if objective.remembers_samples:
            raise ValueError(
                f"'{objective.kind}' keeps state for each sample, and training draws new patches at every step: "
                "choose another objective, such as macl"
            )
        return objective

    @field_validator("grain")
    @classmethod
    def _in_order(cls, grain: tuple[float, float] | None) -> tuple[float, float] | None:
        if grain is not None and grain[0] >= grain[1]:
            raise ValueError(f"grain {list(grain)}: give the smaller first")
        return grain

    @property
    def uses_teacher(self) -> bool:
        return self.teacher or any(isinstance(sample, TeacherSample) for sample in self.by_models())

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        for sample in self.by_models():
            sample.check(recipe)

    def regularizer(
        self, encoder: nn.Module, channels: Sequence[int], context: TrainingContext = ALONE
    ) -> ContrastiveRegularizer:
        """The term in the features of a given encoder.

        Args:
            encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
            channels: of each of its taps.
            context: what it is trained with.

        Raises:
            ModelError: the file of a sample's network is missing or damaged.
            ValueError: the weights are not as many as the taps, or the context lacks what a sample needs.
        """
        weights = self.taps or [1 / len(channels)] * len(channels)
        if len(weights) != len(channels):
            raise ValueError(f"taps {weights}: the encoder has {len(channels)} taps; give a weight for each, or null")
        models = [sample.build(context) for sample in self.by_models()]
        return ContrastiveRegularizer(encoder, self, self.objective.build(0), weights, models, self.grain, self.blurred)

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        encoder = self.features(context)
        return self.jittered(self.regularizer(encoder, encoder.channels, context))
