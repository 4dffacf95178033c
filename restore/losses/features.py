"""Losses in the features of an encoder: options for ``encoder`` in a recipe, and how a loss builds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.encoders.encoder import Encoder, EncoderOptions
from restore.encoders.haar import HaarOptions
from restore.encoders.module import ModuleOptions
from restore.encoders.registry import ENCODERS
from restore.losses.adversarial_term import FrozenDiscriminator
from restore.losses.base import LossOptions, LossTerm, RecipeFacts, TrainingContext
from restore.losses.jitter import Jittered
from restore.networks.base import LendsFeatures
from restore.utils.registry import OneOf


class DiscriminatorFeatures(BaseModel):
    """The features of the discriminator that is trained alongside the network, at its taps."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["discriminator"] = "discriminator"


class NetworkFeatures(BaseModel):
    """Features of the network being trained, at the layers ``taps``; the loss trains them too (CUT)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["network"] = "network"
    taps: list[int] = Field(min_length=1, description="layers; 0 is the picture itself")


AnyHeldFeatures = Annotated[EncoderOptions, OneOf(ENCODERS, where=lambda options: options is not HaarOptions)]
AnyFeatures = Annotated[EncoderOptions | DiscriminatorFeatures, OneOf(ENCODERS, also=(DiscriminatorFeatures,))]
AnyFeaturesOrOwn = Annotated[
    EncoderOptions | DiscriminatorFeatures | NetworkFeatures,
    OneOf(ENCODERS, also=(DiscriminatorFeatures, NetworkFeatures)),
]


class OwnEncoder(nn.Module):
    """Features of the network being trained, which the loss trains too (CUT).

    Args:
        network: the source of the features.
        taps: which of them.

    Shape:
        (N, 3, H, W), RGB, 0..1, to one feature map (N, C, h, w) for each tap.
    """

    def __init__(self, network: LendsFeatures, taps: Sequence[int]) -> None:
        super().__init__()
        self._lent, self.taps = (network,), tuple(taps)  # a tuple, so that it is no submodule of this module
        self.channels: list[int] = [network.channels[tap] for tap in taps]

    def forward(self, x: Tensor) -> list[Tensor]:
        return self._lent[0].features(x, self.taps)


FeatureExtractor = Encoder | FrozenDiscriminator | OwnEncoder


class EncoderLossOptions(LossOptions):
    """Options of a loss in the features of an encoder."""

    encoder: Any

    @field_validator("encoder")
    @classmethod
    def _has_weights(cls, encoder: object) -> object:
        if isinstance(encoder, HaarOptions) or (isinstance(encoder, ModuleOptions) and not encoder.frozen):
            raise ValueError(
                f"'{encoder.kind}' starts from random weights: choose a pretrained encoder, such as "
                "efficientnet-lite0, or {kind: discriminator} with a discriminator that is trained"
            )
        return encoder

    @property
    def uses_discriminator(self) -> bool:
        return isinstance(self.encoder, DiscriminatorFeatures)

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if not self.uses_discriminator or recipe.discriminator is None:
            return
        network = recipe.discriminator.network
        if not (isinstance(network, EncoderOptions) or network.lends_features()):
            raise ValueError(f"'{network.kind}' provides no features: use the discriminator 'haar' or 'unet'")

    def features(self, context: TrainingContext) -> FeatureExtractor:
        """The encoder, with its weights.

        Raises:
            RestoreError: the weights of the encoder, or a package, are missing.
            ValueError: the context lacks the discriminator, or it provides no features.
        """
        if isinstance(self.encoder, EncoderOptions):
            return self.encoder.build()
        if context.discriminator is None:
            raise ValueError(f"{self.kind} needs a discriminator")
        return FrozenDiscriminator(context.discriminator.network)


class FrozenEncoderLossOptions(EncoderLossOptions):
    """Options of a loss in the features of a frozen encoder."""

    encoder: AnyFeatures = Field(EfficientNetLite0Options(), description="features in which pictures are compared")
    jitter: int = Field(
        7, ge=0, description="largest random shift of what is encoded, pixels, so that no grid is learned"
    )

    def jittered(self, term: LossTerm) -> LossTerm:
        """The term, with its jitter unless that is 0."""
        return Jittered(term, self.jitter) if self.jitter else term


class AnyEncoderLossOptions(EncoderLossOptions):
    """Options of a loss in the features of an encoder, or of the network that is trained."""

    encoder: AnyFeaturesOrOwn = Field(EfficientNetLite0Options(), description="features in which pictures are compared")

    @property
    def own(self) -> bool:
        """Whether the encoder is the network that is trained, so that the loss must not freeze it."""
        return isinstance(self.encoder, NetworkFeatures)

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if not isinstance(self.encoder, NetworkFeatures):
            return
        lends = recipe.network.taps()
        if lends == 0:
            raise ValueError(f"the network '{recipe.network.kind}' provides no features: use 'residual'")
        if not all(0 <= tap < lends for tap in self.encoder.taps):
            raise ValueError(f"taps {self.encoder.taps}: this network has 0 to {lends - 1}")

    def features(self, context: TrainingContext) -> FeatureExtractor:
        if not isinstance(self.encoder, NetworkFeatures):
            return super().features(context)
        network: object = context.network
        if not isinstance(network, LendsFeatures):
            raise ValueError(f"{type(network).__name__} provides no features")
        return OwnEncoder(network, self.encoder.taps)
