"""Every encoder by name: its options and how to build it.

One explicit table, ``ENCODERS``. A new encoder is one class here that names its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from restore.encoders import efficientnet_lite, torchvision_nets
from restore.encoders.encoder import Encoder, tap_indices


class EncoderOptions(BaseModel, ABC):
    """What every encoder must be able to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self) -> Encoder:
        """The encoder, with its weights.

        Raises:
            MissingWeightsError: its weights are not on this computer.
            MissingExtraError: nor is a package that it needs.
            ModelError: the weights are broken or of another network.
        """


class EfficientNetLite0Options(EncoderOptions):
    """EfficientNet-Lite0 on ImageNet: :class:`restore.encoders.efficientnet_lite.EfficientNetLite0`."""

    kind: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    taps: tuple[str, ...] = Field(
        ("block0", "block2", "block4", "block10", "block15"), description="layers, shallow to deep"
    )
    weights: Path | None = Field(None, description="the published file; null for the installed package's")

    @field_validator("taps")
    @classmethod
    def _known(cls, taps: tuple[str, ...]) -> tuple[str, ...]:
        tap_indices(taps, efficientnet_lite.TAPS)
        return taps

    def build(self) -> Encoder:
        return efficientnet_lite.EfficientNetLite0(self.taps, self.weights)


class _TorchvisionOptions(EncoderOptions):
    kind: torchvision_nets.Name
    taps: tuple[str, ...]
    weights: Path | None = Field(None, description="torchvision's file; null for torch hub's folder")

    @field_validator("taps")
    @classmethod
    def _known(cls, taps: tuple[str, ...]) -> tuple[str, ...]:
        tap_indices(taps, torchvision_nets.TAPS[cls.model_fields["kind"].default])
        return taps

    def build(self) -> Encoder:
        return torchvision_nets.TorchvisionFeatures(self.kind, self.taps, self.weights)


class Vgg16Options(_TorchvisionOptions):
    """VGG-16 on ImageNet: :class:`restore.encoders.torchvision_nets.TorchvisionFeatures`."""

    kind: Literal["vgg16"] = "vgg16"
    taps: tuple[str, ...] = Field(
        ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"), description="layers, shallow to deep"
    )


class Vgg19Options(_TorchvisionOptions):
    """VGG-19 on ImageNet: :class:`restore.encoders.torchvision_nets.TorchvisionFeatures`."""

    kind: Literal["vgg19"] = "vgg19"
    taps: tuple[str, ...] = Field(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), description="layers, shallow to deep"
    )


class AlexNetOptions(_TorchvisionOptions):
    """AlexNet on ImageNet: :class:`restore.encoders.torchvision_nets.TorchvisionFeatures`."""

    kind: Literal["alexnet"] = "alexnet"
    taps: tuple[str, ...] = Field(("relu1", "relu2", "relu3", "relu4", "relu5"), description="layers, shallow to deep")


class ClipOptions(EncoderOptions):
    """CLIP by open_clip: :class:`restore.encoders.clip.ClipEncoder`."""

    kind: Literal["clip"] = "clip"
    model: str = Field("ViT-B-32", description="open_clip's name of the architecture")
    pretrained: str = Field("openai", description="open_clip's tag of the weights")
    taps: tuple[str, ...] = Field(("embedding",), description="layers, shallow to deep")
    weights: Path | None = Field(None, description="a file of weights; null for the Hugging Face cache")

    def build(self) -> Encoder:
        from restore.encoders.clip import ClipEncoder

        return ClipEncoder(self.model, self.pretrained, self.taps, self.weights)


class HaarOptions(EncoderOptions):
    """PCL-SR's discriminator, trainable: :class:`restore.encoders.haar.HaarDiscriminator`."""

    kind: Literal["haar"] = "haar"
    taps: tuple[Annotated[int, Field(ge=0, le=7)], ...] = Field((4,), description="blocks, shallow to deep")
    norm: Literal["batch", "group"] = Field(
        "batch", description="between convolutions; group does not look across a batch"
    )
    width: PositiveInt = Field(64, description="channels of the first block")

    def build(self) -> Encoder:
        from restore.encoders.haar import HaarDiscriminator

        return HaarDiscriminator(self.taps, self.norm, self.width)

    def minimum(self) -> int:
        """The shortest side of a picture that it has an opinion of."""
        return 1


class ModuleOptions(EncoderOptions):
    """A module of the user's own, whose code is run: :class:`restore.encoders.module.ModuleEncoder`."""

    kind: Literal["module"] = "module"
    factory: str = Field(pattern=r"^[\w.]+:\w+$", description="package.module:factory")
    channels: tuple[PositiveInt, ...] = Field(min_length=1, description="channels of each feature map it gives")
    arguments: dict[str, Any] = Field({}, description="what the factory is called with")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="taken from RGB on 0..1 first")
    std: tuple[float, float, float] = Field((1.0, 1.0, 1.0), description="that RGB is then divided by")
    weights: Path | None = Field(None, description="a state dict; null leaves the module as it was made")
    frozen: bool = Field(True, description="fixed, or trained with the rest")

    def build(self) -> Encoder:
        from restore.encoders.module import ModuleEncoder

        return ModuleEncoder(
            self.factory, self.channels, self.arguments, self.mean, self.std, self.weights, self.frozen
        )


ENCODERS: dict[str, type[EncoderOptions]] = {
    "efficientnet-lite0": EfficientNetLite0Options,
    "vgg16": Vgg16Options,
    "vgg19": Vgg19Options,
    "alexnet": AlexNetOptions,
    "clip": ClipOptions,
    "haar": HaarOptions,
    "module": ModuleOptions,
}

AnyEncoder = Annotated[
    EfficientNetLite0Options | Vgg16Options | Vgg19Options | AlexNetOptions | ClipOptions | HaarOptions | ModuleOptions,
    Field(discriminator="kind"),
]
