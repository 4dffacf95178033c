"""Every loss by name, with its options, for recipes.

One explicit table, ``LOSSES``. A new loss is one file in this package and one class here that names its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator, model_validator
from torch import Tensor
from typing_extensions import Self

from restore.encoders.clip import ClipOptions
from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.encoders.haar import HaarOptions
from restore.encoders.module import ModuleOptions
from restore.encoders.torchvision_nets import AlexNetOptions, Vgg16Options, Vgg19Options
from restore.losses import pixel
from restore.losses.argb import ARGB, load_autoencoder
from restore.losses.colour import colour
from restore.losses.colour_constancy import colour_constancy
from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.registry import (
    AnyObjective,
    AnySimilarityObjective,
    ContrastiveOptions,
    IndividualTemperaturesOptions,
    InfoNCEOptions,
    PatchNCEOptions,
)
from restore.losses.contrastive.residual_guide import ResidualGuide
from restore.losses.contrastive.style_level import StyleContrast
from restore.losses.edge import edge
from restore.losses.exposure import exposure_control
from restore.losses.filter_code import filter_class, filter_contrast
from restore.losses.frequency import frequency
from restore.losses.id_mrf import id_mrf
from restore.losses.illumination_smoothness import illumination_smoothness
from restore.losses.lpips import LPIPS
from restore.losses.perceptual import Perceptual
from restore.losses.spatial_consistency import spatial_consistency
from restore.losses.ssim import ms_ssim, ssim
from restore.losses.style import Style
from restore.losses.terms import (
    ALONE,
    AdversarialTerm,
    Beside,
    CleanCodeTerm,
    ContrastiveTerm,
    FilterTerm,
    GuidedTerm,
    InputTerm,
    Jittered,
    OwnEncoder,
    PairTerm,
    PatchTerm,
    PromptTerm,
    StyleNceTerm,
    Term,
    TranslationTerm,
)
from restore.losses.total_variation import total_variation


class LossOptions(BaseModel, ABC):
    """What every loss must be able to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    weight: PositiveFloat = Field(1.0, description="factor in the sum of the losses")
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

    @property
    def wants_opponent(self) -> bool:
        """Whether it needs a discriminator that is trained beside the network."""
        return False

    @property
    def wants_code(self) -> bool:
        """Whether it needs a network that makes a code of a picture's filter."""
        return False

    @property
    def wants_prompts(self) -> bool:
        """Whether it needs prompts that learn in turn with the network."""
        return False

    @property
    def compares(self) -> bool:
        """Whether it holds the output against its own target, pixel for pixel: unpaired pictures have none."""
        return True

    @abstractmethod
    def build(self, beside: Beside = ALONE) -> Term:
        """The term.

        Args:
            beside: what it is trained with, for those that want it.

        Raises:
            RestoreError: the weights of its encoder, or a package, are missing.
            ValueError: the opponent has no features to lend.
        """


class PixelOptions(LossOptions):
    """Pixels compared one by one: :mod:`restore.losses.pixel`."""

    kind: Literal["l1", "charbonnier", "l2"]
    space: Literal["rgb", "luma"] = Field("rgb", description="what is compared: all channels, or the luma alone")

    def build(self, beside: Beside = ALONE) -> Term:
        function = {"l1": pixel.l1, "charbonnier": pixel.charbonnier, "l2": pixel.l2}[self.kind]
        return PairTerm(partial(_of_luma, function) if self.space == "luma" else function)


class PsnrOptions(LossOptions):
    """PSNR picture by picture: :func:`restore.losses.pixel.psnr`."""

    kind: Literal["psnr"] = "psnr"
    epsilon: PositiveFloat = Field(1e-8, description="added to a picture's mean squared difference")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(partial(pixel.psnr, epsilon=self.epsilon))


def _of_luma(function: Callable[[Tensor, Tensor], Tensor], output: Tensor, target: Tensor) -> Tensor:
    return function(pixel.luma(output), pixel.luma(target))


class SsimOptions(LossOptions):
    """1 - SSIM: :func:`restore.losses.ssim.ssim`."""

    kind: Literal["ssim"] = "ssim"

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(ssim)


class MsSsimOptions(LossOptions):
    """1 - MS-SSIM: :func:`restore.losses.ssim.ms_ssim`."""

    kind: Literal["ms-ssim"] = "ms-ssim"
    scales: int = Field(5, ge=1, le=5, description="five need patches of 176 pixels of the target, each less half that")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(partial(ms_ssim, scales=self.scales))


class FrequencyOptions(LossOptions):
    """Spectra compared: :func:`restore.losses.frequency.frequency`."""

    kind: Literal["frequency"] = "frequency"

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(frequency)


class EdgeOptions(LossOptions):
    """Laplacians compared: :func:`restore.losses.edge.edge`."""

    kind: Literal["edge"] = "edge"

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(edge)


class ColourOptions(LossOptions):
    """Directions of RGB compared: :func:`restore.losses.colour.colour`."""

    kind: Literal["colour"] = "colour"

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(colour)


class _OfOutput(LossOptions):
    """A loss that needs no target."""

    @property
    def compares(self) -> bool:
        return False


class TotalVariationOptions(_OfOutput):
    """Smoothness of the output: :func:`restore.losses.total_variation.total_variation`."""

    kind: Literal["total-variation"] = "total-variation"
    power: Literal[1, 2] = Field(1, description="of the differences of neighbours: absolute, or squared")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(lambda output, _: total_variation(output, self.power))


class ColourConstancyOptions(_OfOutput):
    """Grey world: :func:`restore.losses.colour_constancy.colour_constancy`."""

    kind: Literal["colour-constancy"] = "colour-constancy"

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(lambda output, _: colour_constancy(output))


class ExposureOptions(_OfOutput):
    """Neither dark nor burnt out: :func:`restore.losses.exposure.exposure_control`."""

    kind: Literal["exposure"] = "exposure"
    level: float = Field(0.6, gt=0, lt=1, description="the intensity wished for")
    region: PositiveInt = Field(16, description="side of a region, pixels")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(lambda output, _: exposure_control(output, self.level, self.region))


class SpatialConsistencyOptions(_OfOutput):
    """The input's contrasts kept: :func:`restore.losses.spatial_consistency.spatial_consistency`."""

    kind: Literal["spatial-consistency"] = "spatial-consistency"
    region: PositiveInt = Field(4, description="side of a region, pixels")

    def build(self, beside: Beside = ALONE) -> Term:
        return InputTerm(lambda output, input: spatial_consistency(output, input, self.region))


class IlluminationSmoothnessOptions(_OfOutput):
    """A gain without bumps: :func:`restore.losses.illumination_smoothness.illumination_smoothness`."""

    kind: Literal["illumination-smoothness"] = "illumination-smoothness"

    def build(self, beside: Beside = ALONE) -> Term:
        return InputTerm(illumination_smoothness)


class ArgbOptions(LossOptions):
    """Pixels compared in a learned colour space: :class:`restore.losses.argb.ARGB`."""

    kind: Literal["argb"] = "argb"
    weights: Path = Field(description="a run of the recipe argb, or its checkpoint")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(ARGB(load_autoencoder(self.weights)))


class TranslationOptions(_OfOutput):
    """What aRGB's autoencoder is trained with: :func:`restore.losses.argb.translation_loss`, on the targets."""

    kind: Literal["translation"] = "translation"
    balance: float = Field(0.1, ge=0, description="weight of the even use of the experts")

    def build(self, beside: Beside = ALONE) -> Term:
        return TranslationTerm(beside.network, self.balance)


class LpipsOptions(LossOptions):
    """:class:`restore.losses.lpips.LPIPS`."""

    kind: Literal["lpips"] = "lpips"
    net: Literal["alex", "vgg"] = Field("alex", description="the backbone, with the linear heads learned for it")
    weights: Path | None = Field(None, description="torchvision's file of the backbone; null for torch hub's folder")

    def build(self, beside: Beside = ALONE) -> Term:
        return PairTerm(LPIPS(self.net, self.weights))


class DiscriminatorFeatures(BaseModel):
    """The features of the discriminator that is trained beside the network, at the taps that it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["discriminator"] = "discriminator"


AnyHeldFeatures = Annotated[
    EfficientNetLite0Options | Vgg16Options | Vgg19Options | AlexNetOptions | ClipOptions | ModuleOptions,
    Field(discriminator="kind"),
]

AnyFeatures = Annotated[
    EfficientNetLite0Options
    | Vgg16Options
    | Vgg19Options
    | AlexNetOptions
    | ClipOptions
    | HaarOptions
    | ModuleOptions
    | DiscriminatorFeatures,
    Field(discriminator="kind"),
]


class NetworkFeatures(BaseModel):
    """The features of the network that is trained, at the layers ``taps``; the loss changes them too (CUT)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["network"] = "network"
    taps: list[int] = Field(min_length=1, description="layers, from 0, the picture itself")


AnyFeaturesOrOwn = Annotated[AnyFeatures | NetworkFeatures, Field(discriminator="kind")]


class _Encoded(LossOptions):
    """A loss in the features of an encoder."""

    encoder: Any

    @field_validator("encoder")
    @classmethod
    def _is_held(cls, encoder: AnyFeatures) -> AnyFeatures:
        if isinstance(encoder, HaarOptions) or (isinstance(encoder, ModuleOptions) and not encoder.frozen):
            raise ValueError(
                f"'{encoder.kind}' as it is made knows nothing: choose an encoder with weights, such as "
                "efficientnet-lite0, or {kind: discriminator} with a discriminator that is trained"
            )
        return encoder

    @property
    def wants_opponent(self) -> bool:
        return isinstance(self.encoder, DiscriminatorFeatures)

    def features(self, beside: Beside) -> Any:
        """The encoder, with its weights."""
        if isinstance(self.encoder, DiscriminatorFeatures):
            assert beside.opponent is not None, "a recipe that wants a discriminator has one"
            return beside.opponent.encoder()
        return self.encoder.build()


class _EncodedOrOwn(_Encoded):
    """A loss in the features of an encoder, or in those of the network that is trained."""

    encoder: AnyFeaturesOrOwn = Field(EfficientNetLite0Options(), description="what the comparison is made in")

    def features_or_own(self, beside: Beside) -> tuple[Any, bool]:
        """The encoder, and whether it is the network's own."""
        if isinstance(self.encoder, NetworkFeatures):
            return OwnEncoder(beside.network, self.encoder.taps), True
        return self.features(beside), False


class _Held(_Encoded):
    """A loss in the features of an encoder that it leaves as it is."""

    encoder: AnyFeatures = Field(EfficientNetLite0Options(), description="what the comparison is made in")
    jitter: int = Field(
        7, ge=0, description="pixels that the place of what is encoded is drawn from, so that no grid is learned"
    )

    def jittered(self, term: Term) -> Term:
        """The term with its jitter."""
        return Jittered(term, self.jitter) if self.jitter else term


class PerceptualOptions(_Held):
    """Features compared: :class:`restore.losses.perceptual.Perceptual`."""

    kind: Literal["perceptual"] = "perceptual"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")
    distance: Literal["l1", "l2"] = Field("l1", description="between features: mean absolute, or mean squared")
    against: Literal["target", "input"] = Field(
        "target", description="what the output is compared with; the input, for its content to stay"
    )

    @property
    def compares(self) -> bool:
        return self.against == "target"

    def build(self, beside: Beside = ALONE) -> Term:
        term = {"target": PairTerm, "input": InputTerm}[self.against]
        return self.jittered(term(Perceptual(self.features(beside), self.taps, self.distance)))


class StyleOptions(_Held):
    """Gram matrices compared: :class:`restore.losses.style.Style`."""

    kind: Literal["style"] = "style"
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")

    def build(self, beside: Beside = ALONE) -> Term:
        return self.jittered(PairTerm(Style(self.features(beside), self.taps)))


class ContrastiveLossOptions(ContrastiveOptions, _Held):
    """The output pulled to positives and pushed from negatives: :mod:`restore.losses.contrastive`."""

    @field_validator("objective")
    @classmethod
    def _needs_no_numbers(cls, objective: AnyObjective) -> AnyObjective:
        if isinstance(objective, IndividualTemperaturesOptions):
            raise ValueError(
                "'isogclr' remembers a temperature for each sample, and training draws new patches at every step: "
                "choose another objective, such as macl"
            )
        return objective

    def build(self, beside: Beside = ALONE) -> Term:
        encoder = self.features(beside)
        return self.jittered(ContrastiveTerm(self.regulariser(encoder, encoder.channels, samples=0)))


class PatchNceLossOptions(PatchNCEOptions, _EncodedOrOwn):
    """Positions of the output compared with those of its target or input, through heads that learn."""

    identity: bool = Field(
        False,
        description="also that the network leaves targets as they are, half of it each (CUT); at scale 1",
    )

    @property
    def compares(self) -> bool:
        return self.key == "target"

    def build(self, beside: Beside = ALONE) -> Term:
        encoder, own = self.features_or_own(beside)
        regulariser = self.regulariser(encoder, encoder.channels, freeze=not own)
        return PatchTerm(regulariser, beside.network if self.identity else None)


class StyleNceOptions(_EncodedOrOwn):
    """The output's style nearer to the target's than to the input's: CIFR's style term, through heads that learn."""

    kind: Literal["style-nce"] = "style-nce"
    objective: AnySimilarityObjective = Field(InfoNCEOptions(), description="turns similarities into a number")
    positions: int = Field(256, ge=2, description="sampled at each tap, at most")
    dim: PositiveInt = Field(256, description="length of the heads' vectors")

    def build(self, beside: Beside = ALONE) -> Term:
        encoder, own = self.features_or_own(beside)
        contrast = StyleContrast(encoder.channels, self.objective.build(0), self.positions, self.dim)
        return StyleNceTerm(encoder, contrast, freeze=not own)


class IdMrfOptions(_Held):
    """Textures, each with what is most like it: :func:`restore.losses.id_mrf.id_mrf`."""

    kind: Literal["id-mrf"] = "id-mrf"
    encoder: AnyFeatures = Field(
        EfficientNetLite0Options(taps=("block4", "block10")), description="what the comparison is made in"
    )
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")

    def build(self, beside: Beside = ALONE) -> Term:
        return self.jittered(PairTerm(Perceptual(self.features(beside), self.taps, id_mrf)))


class AdversarialOptions(LossOptions):
    """To pass for a photograph before the recipe's discriminator, which says the form of the loss."""

    kind: Literal["adversarial"] = "adversarial"

    @property
    def compares(self) -> bool:
        return False

    @property
    def wants_opponent(self) -> bool:
        return True

    def build(self, beside: Beside = ALONE) -> Term:
        assert beside.opponent is not None, "a recipe that wants a discriminator has one"
        return AdversarialTerm(beside.opponent)


class ResidualVectorOptions(_Encoded):
    """As far along the direction from bad to good as good pictures lie: RAVE's guidance by an encoder."""

    kind: Literal["residual-vector"] = "residual-vector"
    encoder: AnyHeldFeatures = Field(
        EfficientNetLite0Options(taps=("head",)), description="whose embeddings are compared"
    )
    side: PositiveInt | None = Field(224, description="of the square that pictures are squeezed into; null for not")
    samples: PositiveInt = Field(384, description="of either side, that the direction is found from before step 0")
    words: int = Field(8, ge=0, description="of either end of the direction to tell, of an encoder that reads text")
    shift: int = Field(0, ge=0, description="words of either end whose common part is taken out of the direction")

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if self.shift and not isinstance(self.encoder, ClipOptions):
            raise ValueError(f"shift takes words out of the direction, and '{self.encoder.kind}' knows none: leave 0")
        return self

    @property
    def compares(self) -> bool:
        return False

    def build(self, beside: Beside = ALONE) -> Term:
        embedding = Embedding(self.features(beside), self.side)
        guide = ResidualGuide(embedding.encoder.channels[-1], self.words, self.shift)
        return GuidedTerm(embedding, guide, self.samples)


class _OfCode(_OfOutput):
    """A loss on the code that the network ``modulated-colour`` makes of a picture's filter."""

    @property
    def wants_code(self) -> bool:
        return True


class FilterClassOptions(_OfCode):
    """Which filter lies over the input: :func:`restore.losses.filter_code.filter_class`."""

    kind: Literal["filter-class"] = "filter-class"

    def build(self, beside: Beside = ALONE) -> Term:
        return FilterTerm(partial(filter_class, beside.network.kinds), beside.network)


class FilterContrastOptions(_OfCode):
    """Codes of one filter close, of two far apart: :func:`restore.losses.filter_code.filter_contrast`."""

    kind: Literal["filter-contrast"] = "filter-contrast"
    temperature: PositiveFloat = Field(0.1, description="divides similarities: the lower, the more the hardest count")

    def build(self, beside: Beside = ALONE) -> Term:
        return FilterTerm(partial(filter_contrast, temperature=self.temperature), beside.network)


class CleanCodeOptions(_OfCode):
    """The output's code like the target's, unlike the input's: :func:`restore.losses.filter_code.clean_code`."""

    kind: Literal["clean-code"] = "clean-code"
    temperature: PositiveFloat = Field(0.1, description="divides similarities: the lower, the more the hardest count")

    @property
    def compares(self) -> bool:
        return True

    def build(self, beside: Beside = ALONE) -> Term:
        return CleanCodeTerm(beside.network, self.temperature)


class PromptScoreOptions(_OfOutput):
    """Not to look like the prompt for bad pictures: CLIP-LIT's enhancement loss, with the recipe's ``guidance``."""

    kind: Literal["prompt-score"] = "prompt-score"

    @property
    def wants_prompts(self) -> bool:
        return True

    def build(self, beside: Beside = ALONE) -> Term:
        assert beside.judge is not None, "a recipe that wants prompts has them"
        return PromptTerm(beside.judge)


LOSSES: dict[str, type[LossOptions]] = {
    "l1": PixelOptions,
    "charbonnier": PixelOptions,
    "l2": PixelOptions,
    "psnr": PsnrOptions,
    "ssim": SsimOptions,
    "ms-ssim": MsSsimOptions,
    "frequency": FrequencyOptions,
    "edge": EdgeOptions,
    "colour": ColourOptions,
    "total-variation": TotalVariationOptions,
    "colour-constancy": ColourConstancyOptions,
    "exposure": ExposureOptions,
    "spatial-consistency": SpatialConsistencyOptions,
    "illumination-smoothness": IlluminationSmoothnessOptions,
    "argb": ArgbOptions,
    "translation": TranslationOptions,
    "lpips": LpipsOptions,
    "perceptual": PerceptualOptions,
    "style": StyleOptions,
    "contrastive": ContrastiveLossOptions,
    "patch-nce": PatchNceLossOptions,
    "adversarial": AdversarialOptions,
    "residual-vector": ResidualVectorOptions,
    "prompt-score": PromptScoreOptions,
    "style-nce": StyleNceOptions,
    "id-mrf": IdMrfOptions,
    "filter-class": FilterClassOptions,
    "filter-contrast": FilterContrastOptions,
    "clean-code": CleanCodeOptions,
}

AnyLoss = Annotated[
    PixelOptions
    | PsnrOptions
    | SsimOptions
    | MsSsimOptions
    | FrequencyOptions
    | EdgeOptions
    | ColourOptions
    | TotalVariationOptions
    | ColourConstancyOptions
    | ExposureOptions
    | SpatialConsistencyOptions
    | IlluminationSmoothnessOptions
    | ArgbOptions
    | TranslationOptions
    | LpipsOptions
    | PerceptualOptions
    | StyleOptions
    | ContrastiveLossOptions
    | PatchNceLossOptions
    | AdversarialOptions
    | ResidualVectorOptions
    | PromptScoreOptions
    | StyleNceOptions
    | IdMrfOptions
    | FilterClassOptions
    | FilterContrastOptions
    | CleanCodeOptions,
    Field(discriminator="kind"),
]
