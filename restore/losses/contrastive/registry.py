"""Every objective and regulariser by name, with its options, for recipes.

Explicit tables: ``OBJECTIVES`` here, ``SAMPLES`` in :mod:`restore.losses.contrastive.samples`. A new objective is one
file in ``objectives`` and one class here that names its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import nn
from typing_extensions import Self

from restore.losses.contrastive.hard_mixing import HardMixing
from restore.losses.contrastive.image_level import ContrastiveRegulariser
from restore.losses.contrastive.objectives.base import Objective, SimilarityObjective
from restore.losses.contrastive.objectives.cacr import CACR
from restore.losses.contrastive.objectives.cosine_margin import CosineMargin
from restore.losses.contrastive.objectives.debiased import Debiased
from restore.losses.contrastive.objectives.decoupled import DCL, DCLW
from restore.losses.contrastive.objectives.individual_temperatures import IndividualTemperatures
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.l1_ratio import L1Ratio
from restore.losses.contrastive.objectives.macl import MACL
from restore.losses.contrastive.objectives.supcon import SupCon
from restore.losses.contrastive.patch_level import PatchContrast, PatchRegulariser
from restore.losses.contrastive.samples import Samples


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectiveOptions(_Options, ABC):
    """What every objective must be able to say."""

    kind: str

    @abstractmethod
    def build(self, samples: int) -> Objective:
        """The objective, freshly initialised.

        Args:
            samples: size of the training set, for an objective that remembers each sample.
        """


class SimilarityOptions(ObjectiveOptions):
    """An objective of similarities alone, which serves pictures and positions."""

    @abstractmethod
    def build(self, samples: int) -> SimilarityObjective:
        """The objective; ``samples`` does not matter."""


class InfoNCEOptions(SimilarityOptions):
    """:class:`InfoNCE`."""

    kind: Literal["infonce"] = "infonce"
    temperature: PositiveFloat = Field(0.07, description="divides similarities: the lower, the more the hardest count")

    def build(self, samples: int) -> SimilarityObjective:
        return InfoNCE(self.temperature)


class DCLOptions(SimilarityOptions):
    """:class:`DCL`."""

    kind: Literal["dcl"] = "dcl"
    temperature: PositiveFloat = Field(0.1, description="divides similarities: the lower, the more the hardest count")

    def build(self, samples: int) -> SimilarityObjective:
        return DCL(self.temperature)


class DCLWOptions(SimilarityOptions):
    """:class:`DCLW`."""

    kind: Literal["dclw"] = "dclw"
    temperature: PositiveFloat = Field(0.1, description="divides similarities: the lower, the more the hardest count")
    sigma: PositiveFloat = Field(0.5, description="how sharply near positives are told from far ones")

    def build(self, samples: int) -> SimilarityObjective:
        return DCLW(self.temperature, self.sigma)


class MACLOptions(SimilarityOptions):
    """:class:`MACL`."""

    kind: Literal["macl"] = "macl"
    temperature: PositiveFloat = Field(0.1, description="divides similarities: the lower, the more the hardest count")
    alpha: float = Field(0.5, ge=0, le=1, description="how far the temperature follows the alignment")
    alignment: float = Field(0.0, ge=0, le=1, description="mean similarity at which the temperature is as given")

    def build(self, samples: int) -> SimilarityObjective:
        return MACL(self.temperature, self.alpha, self.alignment)


class DebiasedOptions(SimilarityOptions):
    """:class:`Debiased`."""

    kind: Literal["debiased"] = "debiased"
    temperature: PositiveFloat = Field(0.5, description="divides similarities: the lower, the more the hardest count")
    prior: float = Field(0.1, ge=0, lt=1, description="probability that a negative is a positive in truth")

    def build(self, samples: int) -> SimilarityObjective:
        return Debiased(self.temperature, self.prior)


class CosineMarginOptions(SimilarityOptions):
    """:class:`CosineMargin`."""

    kind: Literal["cosine-margin"] = "cosine-margin"

    def build(self, samples: int) -> SimilarityObjective:
        return CosineMargin()


class SupConOptions(SimilarityOptions):
    """:class:`SupCon`."""

    kind: Literal["supcon"] = "supcon"
    temperature: PositiveFloat = Field(0.07, description="divides similarities: the lower, the more the hardest count")

    def build(self, samples: int) -> SimilarityObjective:
        return SupCon(self.temperature)


class IndividualTemperaturesOptions(ObjectiveOptions):
    """:class:`IndividualTemperatures`, iSogCLR."""

    kind: Literal["isogclr"] = "isogclr"
    rho: float = Field(0.4, ge=0, description="pulls the temperatures down")
    initial: PositiveFloat = Field(0.07, description="first temperature of every sample")
    bounds: tuple[PositiveFloat, PositiveFloat] = Field((0.05, 1.0), description="lowest and highest temperature")
    gamma: float = Field(0.8, gt=0, lt=1, description="weight of the new in the running mean")
    rate: float = Field(0.03, ge=0, description="step size of the temperatures")
    momentum: float = Field(0.5, gt=0, le=1, description="weight of the new in the temperatures' gradient")

    @model_validator(mode="after")
    def _within(self) -> Self:
        low, high = self.bounds
        if not low <= self.initial <= high:
            raise ValueError(f"initial ({self.initial}) must lie within bounds [{low}, {high}], the smaller first")
        return self

    def build(self, samples: int) -> Objective:
        return IndividualTemperatures(
            samples, self.rho, self.initial, self.bounds, self.gamma, self.rate, self.momentum
        )


class CACROptions(ObjectiveOptions):
    """:class:`CACR`."""

    kind: Literal["cacr"] = "cacr"
    positive_temperature: float = Field(1.0, ge=0, description="how much harder far positives pull")
    negative_temperature: float = Field(1.0, ge=0, description="how much harder near negatives push")

    def build(self, samples: int) -> Objective:
        return CACR(self.positive_temperature, self.negative_temperature)


class L1RatioOptions(ObjectiveOptions):
    """:class:`L1Ratio`."""

    kind: Literal["l1-ratio"] = "l1-ratio"
    floor: PositiveFloat = Field(1e-2, description="smallest distance to the negatives, in units of the features")

    def build(self, samples: int) -> Objective:
        return L1Ratio(self.floor)


OBJECTIVES: dict[str, type[ObjectiveOptions]] = {
    "infonce": InfoNCEOptions,
    "dcl": DCLOptions,
    "dclw": DCLWOptions,
    "macl": MACLOptions,
    "debiased": DebiasedOptions,
    "cosine-margin": CosineMarginOptions,
    "supcon": SupConOptions,
    "isogclr": IndividualTemperaturesOptions,
    "cacr": CACROptions,
    "l1-ratio": L1RatioOptions,
}

AnySimilarityObjective = Annotated[
    InfoNCEOptions | DCLOptions | DCLWOptions | MACLOptions | DebiasedOptions | CosineMarginOptions | SupConOptions,
    Field(discriminator="kind"),
]

AnyObjective = Annotated[
    InfoNCEOptions
    | DCLOptions
    | DCLWOptions
    | MACLOptions
    | DebiasedOptions
    | CosineMarginOptions
    | SupConOptions
    | IndividualTemperaturesOptions
    | CACROptions
    | L1RatioOptions,
    Field(discriminator="kind"),
]


class ContrastiveOptions(Samples):
    """:class:`ContrastiveRegulariser`: whole pictures."""

    kind: Literal["contrastive"] = "contrastive"
    weight: PositiveFloat = Field(1.0, description="factor in the sum of the losses")
    objective: AnyObjective = Field(InfoNCEOptions(), description="turns similarities into a number")
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for their mean")

    def regulariser(self, encoder: nn.Module, channels: Sequence[int], samples: int) -> ContrastiveRegulariser:
        """The regulariser.

        Args:
            encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
            channels: of each of its taps.
            samples: size of the training set.

        Raises:
            ValueError: the weights are not as many as the taps.
        """
        weights = self.taps or [1 / len(channels)] * len(channels)
        if len(weights) != len(channels):
            raise ValueError(f"taps {weights}: the encoder has {len(channels)} taps; give a weight for each, or null")
        return ContrastiveRegulariser(encoder, self, self.objective.build(samples), weights)


class PatchNCEOptions(_Options):
    """:class:`PatchRegulariser`: positions of pictures."""

    kind: Literal["patch-nce"] = "patch-nce"
    weight: PositiveFloat = Field(1.0, description="factor in the sum of the losses")
    key: Literal["input", "target"] = Field("target", description="what the output must correspond to")
    objective: AnySimilarityObjective = Field(InfoNCEOptions(), description="turns similarities into a number")
    positions: int = Field(256, ge=2, description="sampled at each tap")
    dim: PositiveInt = Field(256, description="length of the vectors compared")
    queue: int = Field(0, ge=0, description="keys of past pictures kept at each tap as further negatives")
    mixing: HardMixing | None = Field(None, description="harder negatives mixed from the queue's; null for none")

    @model_validator(mode="after")
    def _mixing_needs_a_queue(self) -> Self:
        if self.mixing is not None and self.queue < 2:
            raise ValueError(f"mixing takes its negatives from the queue: set queue, now {self.queue}, to 2 or more")
        return self

    def regulariser(self, encoder: nn.Module, channels: Sequence[int], freeze: bool = True) -> PatchRegulariser:
        """The regulariser; its heads are trained along with the network.

        Args:
            encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
            channels: of each of its taps.
            freeze: False where the encoder belongs to the network that is trained.
        """
        objective = self.objective.build(0)
        contrast = PatchContrast(channels, objective, self.positions, self.dim, self.queue, self.mixing)
        return PatchRegulariser(encoder, contrast, self.key, freeze)


REGULARISERS: dict[str, type[ContrastiveOptions] | type[PatchNCEOptions]] = {
    "contrastive": ContrastiveOptions,
    "patch-nce": PatchNCEOptions,
}
