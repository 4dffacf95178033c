"""Which pictures are positive and which negative: each kind of sample, its options and how it is drawn.

``SAMPLES`` lists those that are made from the target or the input; :mod:`restore.losses.contrastive.model_samples` has
those that networks make. Every kind may be used on either side; docstrings describe the intended use of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from restore.losses.contrastive import augment, random_draws
from restore.losses.contrastive.model_samples import CheckpointSample, HistorySample, ModelSample, TeacherSample
from restore.utils.registry import OneOf, by_kind


class SampleOptions(BaseModel, ABC):
    """A kind of sample."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def draw(self, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        """Samples for each picture of a batch.

        Args:
            target: (N, 3, H, W), RGB on 0..1.
            input: the network's input, enlarged to the target's size, (N, 3, H, W).
            generator: source of randomness.

        Returns:
            (N, K, 3, H, W), K samples for each.
        """


class TargetSample(SampleOptions):
    """The target itself: the first of all positives."""

    kind: Literal["target"] = "target"

    def draw(self, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return target[:, None]


class InputSample(SampleOptions):
    """The input at the target's size: the first of all negatives."""

    kind: Literal["input"] = "input"

    def draw(self, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return input[:, None]


class ShuffleSample(SampleOptions):
    """Targets of other pictures in the batch: sharp negatives with different content.

    Raises, when drawn:
        ValueError: the batch has too few other pictures.
    """

    kind: Literal["shuffle"] = "shuffle"
    count: PositiveInt = Field(1, description="pictures for each; fewer than the batch")

    def draw(self, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        n = len(target)
        if self.count >= n:
            raise ValueError(
                f"shuffle: {self.count} other pictures from a batch of {n}: enlarge the batch or lower count"
            )
        shifts = 1 + random_draws.permutation(n - 1, generator, target.device)[: self.count]
        return target[(torch.arange(n, device=target.device)[:, None] + shifts) % n]


class _Perturbed(SampleOptions):
    """Several variants of the target, each drawn independently."""

    count: PositiveInt = Field(3, description="variants of each target")
    quantise: bool = Field(
        True, description="round to 8 bits, so that rounding does not reveal which pictures are samples"
    )

    def draw(self, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        variants = self.perturb(target.repeat_interleave(self.count, dim=0), generator)
        variants = augment.quantize(variants) if self.quantise else variants
        return variants.reshape(-1, self.count, *target.shape[1:])

    @abstractmethod
    def perturb(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3, H, W) to the same shape."""


class SharpenSample(_Perturbed):
    """Sharpened targets: positives of PCL-SR. Its released code also draws factors below 1, which smooth."""

    kind: Literal["sharpen"] = "sharpen"
    factor: tuple[float, float] = Field((1.0, 3.0), description="smallest and largest; 1 is the target itself")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("factor", *self.factor, least=1.0)
        return self

    def perturb(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return augment.sharpen(images, self.factor, generator)


class BlurSample(_Perturbed):
    """Slightly blurred targets: negatives of PCL-SR, whose released code draws one blur for a whole batch."""

    kind: Literal["blur"] = "blur"
    kernel: tuple[int, int] = Field((3, 11), description="smallest and largest size, pixels, odd")
    sigma: tuple[PositiveFloat, PositiveFloat] = Field((0.1, 2.0), description="smallest and largest, pixels")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("kernel", *self.kernel, least=1)
        _check_order("sigma", *self.sigma, least=0.0)
        if not all(size % 2 for size in self.kernel):
            raise ValueError(f"kernel {list(self.kernel)}: both sizes must be odd, a kernel has a middle")
        return self

    def perturb(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return augment.blur(images, self.kernel, self.sigma, generator)


class NoiseSample(_Perturbed):
    """Noisy targets: with a trace of noise, positives that tolerate it; with more, negatives that teach against it."""

    kind: Literal["noise"] = "noise"
    count: PositiveInt = Field(1, description="variants of each target")
    sigma: tuple[float, float] = Field((2 / 255, 2 / 255), description="smallest and largest deviation, on 0..1")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("sigma", *self.sigma, least=0.0)
        return self

    def perturb(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return augment.noise(images, self.sigma, generator)


def _check_order(name: str, low: float, high: float, least: float) -> None:
    if not least <= low <= high:
        raise ValueError(f"{name} [{low}, {high}]: give the smaller first, {least} or more")


SAMPLES = by_kind(
    "sample", "restore.samples", TargetSample, InputSample, ShuffleSample, SharpenSample, BlurSample, NoiseSample
)

AnySample = Annotated[
    SampleOptions | ModelSample, OneOf(SAMPLES, also=(HistorySample, CheckpointSample, TeacherSample))
]


class Samples(BaseModel):
    """Both sides of the comparison."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    positives: list[AnySample] = Field([TargetSample()], min_length=1, description="what the output is pulled toward")
    negatives: list[AnySample] = Field([InputSample()], min_length=1, description="what the output is pushed away from")

    def by_models(self) -> list[ModelSample]:
        """The samples that networks make, of both sides."""
        return [sample for sample in (*self.positives, *self.negatives) if isinstance(sample, ModelSample)]

    @torch.no_grad()
    def draw(
        self, target: Tensor, input: Tensor, generator: torch.Generator, made: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """Positives (N, P, 3, H, W) and negatives (N, M, 3, H, W).

        Args:
            target: see :meth:`SampleOptions.draw`, also for the next two.
            input: the input, at the target's size.
            generator: source of randomness.
            made: (N, K, 3, H, W) for each of :meth:`by_models`.

        Raises:
            ValueError: ``made`` does not belong to :meth:`by_models`.
        """
        models = [sample.kind for sample in self.by_models()]
        if len(models) != len(made):
            raise ValueError(
                f"samples by networks ({', '.join(models) or 'none'}) need their results, and {len(made)} are given"
            )
        others = iter(made)

        def side(samples: Sequence[SampleOptions | ModelSample]) -> Tensor:
            drawn = (
                next(others) if isinstance(one, ModelSample) else one.draw(target, input, generator) for one in samples
            )
            return torch.cat([one.to(target.dtype) for one in drawn], dim=1)

        return side(self.positives), side(self.negatives)
