"""Every loss by name, with its options, for recipes.

One explicit table, ``LOSSES``. A new loss is one file in this package and one class here that names its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from restore.encoders.registry import AnyEncoder, EfficientNetLite0Options, EncoderOptions, HaarOptions, ModuleOptions
from restore.losses import pixel
from restore.losses.contrastive.image_level import ContrastiveRegulariser
from restore.losses.contrastive.registry import AnyObjective, ContrastiveOptions, IndividualTemperaturesOptions
from restore.losses.edge import edge
from restore.losses.frequency import frequency
from restore.losses.lpips import LPIPS
from restore.losses.perceptual import Perceptual
from restore.losses.ssim import ms_ssim, ssim
from restore.losses.style import Style
from restore.losses.total_variation import total_variation


class Term(nn.Module, ABC):
    """One term of a training loss, before its weight."""

    @abstractmethod
    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch, a scalar whose gradient reaches ``output`` alone.

        Args:
            output: (N, 3, H, W), RGB, what the network made of ``input``.
            target: (N, 3, H, W) on 0..1.
            input: (N, 3, h, w) on 0..1.
            generator: of all that is drawn.
        """


class PairTerm(Term):
    """A term that compares the output with the target and knows no more.

    Args:
        function: of (output, target); a module's parameters and place are the term's too.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.function(output, target)


class ContrastiveTerm(Term):
    """A contrastive regulariser as a term."""

    def __init__(self, regulariser: ContrastiveRegulariser) -> None:
        super().__init__()
        self.regulariser = regulariser

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss: Tensor = self.regulariser(output, target, input, generator)
        return loss


class LossOptions(BaseModel, ABC):
    """What every loss must be able to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    weight: PositiveFloat = 1.0
    begin: int = Field(0, ge=0, description="first step that it counts at, from 0")
    end: PositiveInt | None = Field(None, description="step before which it ends; null for the last")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"end ({self.end}) must come after begin ({self.begin})")
        return self

    def counts_at(self, step: int) -> bool:
        """Whether it is part of the loss of a step, from 0."""
        return self.begin <= step and (self.end is None or step < self.end)

    @abstractmethod
    def build(self) -> Term:
        """The term.

        Raises:
            RestoreError: the weights of its encoder, or a package, are missing.
        """


class PixelOptions(LossOptions):
    """Pixels compared one by one: :mod:`restore.losses.pixel`."""

    kind: Literal["l1", "charbonnier", "l2"]
    space: Literal["rgb", "luma"] = "rgb"

    def build(self) -> Term:
        function = {"l1": pixel.l1, "charbonnier": pixel.charbonnier, "l2": pixel.l2}[self.kind]
        return PairTerm(partial(_of_luma, function) if self.space == "luma" else function)


def _of_luma(function: Callable[[Tensor, Tensor], Tensor], output: Tensor, target: Tensor) -> Tensor:
    return function(pixel.luma(output), pixel.luma(target))


class SsimOptions(LossOptions):
    """1 - SSIM: :func:`restore.losses.ssim.ssim`."""

    kind: Literal["ssim"] = "ssim"

    def build(self) -> Term:
        return PairTerm(ssim)


class MsSsimOptions(LossOptions):
    """1 - MS-SSIM: :func:`restore.losses.ssim.ms_ssim`."""

    kind: Literal["ms-ssim"] = "ms-ssim"
    scales: int = Field(5, ge=1, le=5, description="five need patches of 176 pixels of the target, each less half that")

    def build(self) -> Term:
        return PairTerm(partial(ms_ssim, scales=self.scales))


class FrequencyOptions(LossOptions):
    """Spectra compared: :func:`restore.losses.frequency.frequency`."""

    kind: Literal["frequency"] = "frequency"

    def build(self) -> Term:
        return PairTerm(frequency)


class EdgeOptions(LossOptions):
    """Laplacians compared: :func:`restore.losses.edge.edge`."""

    kind: Literal["edge"] = "edge"

    def build(self) -> Term:
        return PairTerm(edge)


class TotalVariationOptions(LossOptions):
    """Smoothness of the output: :func:`restore.losses.total_variation.total_variation`."""

    kind: Literal["total-variation"] = "total-variation"
    power: Literal[1, 2] = 1

    def build(self) -> Term:
        return PairTerm(lambda output, _: total_variation(output, self.power))


class LpipsOptions(LossOptions):
    """:class:`restore.losses.lpips.LPIPS`."""

    kind: Literal["lpips"] = "lpips"
    net: Literal["alex", "vgg"] = "alex"
    weights: Path | None = Field(None, description="torchvision's file of the backbone; null for torch hub's folder")

    def build(self) -> Term:
        return PairTerm(LPIPS(self.net, self.weights))


class _Encoded(LossOptions):
    """A loss in the features of a frozen encoder."""

    encoder: AnyEncoder = EfficientNetLite0Options()

    @field_validator("encoder")
    @classmethod
    def _is_frozen(cls, encoder: EncoderOptions) -> EncoderOptions:
        return _frozen_encoder(encoder)


def _frozen_encoder(encoder: EncoderOptions) -> EncoderOptions:
    if isinstance(encoder, HaarOptions) or (isinstance(encoder, ModuleOptions) and not encoder.frozen):
        raise ValueError(
            f"'{encoder.kind}' would have to be trained beside the network, which training cannot do yet: "
            "choose an encoder that is frozen, such as efficientnet-lite0"
        )
    return encoder


class PerceptualOptions(_Encoded):
    """Features compared: :class:`restore.losses.perceptual.Perceptual`."""

    kind: Literal["perceptual"] = "perceptual"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")
    distance: Literal["l1", "l2"] = "l1"

    def build(self) -> Term:
        return PairTerm(Perceptual(self.encoder.build(), self.taps, self.distance))


class StyleOptions(_Encoded):
    """Gram matrices compared: :class:`restore.losses.style.Style`."""

    kind: Literal["style"] = "style"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")

    def build(self) -> Term:
        return PairTerm(Style(self.encoder.build(), self.taps))


class ContrastiveLossOptions(ContrastiveOptions, LossOptions):
    """The output pulled to positives and pushed from negatives: :mod:`restore.losses.contrastive`."""

    encoder: AnyEncoder = EfficientNetLite0Options()

    @field_validator("encoder")
    @classmethod
    def _is_frozen(cls, encoder: EncoderOptions) -> EncoderOptions:
        return _frozen_encoder(encoder)

    @field_validator("objective")
    @classmethod
    def _needs_no_numbers(cls, objective: AnyObjective) -> AnyObjective:
        if isinstance(objective, IndividualTemperaturesOptions):
            raise ValueError(
                "'isogclr' remembers a temperature for each sample, and training draws new patches at every step: "
                "choose another objective, such as macl"
            )
        return objective

    def build(self) -> Term:
        encoder = self.encoder.build()
        return ContrastiveTerm(self.regulariser(encoder, encoder.channels, samples=0))


LOSSES: dict[str, type[LossOptions]] = {
    "l1": PixelOptions,
    "charbonnier": PixelOptions,
    "l2": PixelOptions,
    "ssim": SsimOptions,
    "ms-ssim": MsSsimOptions,
    "frequency": FrequencyOptions,
    "edge": EdgeOptions,
    "total-variation": TotalVariationOptions,
    "lpips": LpipsOptions,
    "perceptual": PerceptualOptions,
    "style": StyleOptions,
    "contrastive": ContrastiveLossOptions,
}

AnyLoss = Annotated[
    PixelOptions
    | SsimOptions
    | MsSsimOptions
    | FrequencyOptions
    | EdgeOptions
    | TotalVariationOptions
    | LpipsOptions
    | PerceptualOptions
    | StyleOptions
    | ContrastiveLossOptions,
    Field(discriminator="kind"),
]
