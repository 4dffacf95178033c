"""VGG-16, VGG-19 and AlexNet, as torchvision builds them and publishes their ImageNet weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.encoder import IMAGENET_MEAN, IMAGENET_STD, Encoder, EncoderOptions, Layered, tap_indices
from restore.encoders.weights import fit_weights, hub_file, read_weights
from restore.errors import MissingExtraError

Name = Literal["vgg16", "vgg19", "alexnet"]

_ALEXNET = ("conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "conv3", "relu3", "conv4", "relu4", "conv5", "relu5")


def _vgg(*convolutions: int) -> tuple[str, ...]:
    """The layers' usual names: ``conv1_1``, ``relu1_1``, ... ``pool1``, ``conv2_1`` and so on."""
    names: list[str] = []
    for block, count in enumerate(convolutions, 1):
        for i in range(1, count + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return tuple(names)


TAPS: dict[Name, tuple[str, ...]] = {
    "vgg16": _vgg(2, 2, 3, 3, 3),
    "vgg19": _vgg(2, 2, 4, 4, 4),
    "alexnet": (*_ALEXNET, "pool5"),
}


class TorchvisionFeatures(Layered):
    """The convolutional part of a torchvision classifier.

    Sources: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015;
    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.

    Args:
        name: ``vgg16``, ``vgg19`` or ``alexnet``.
        taps: layers by their usual names, shallow to deep; ``conv3_4`` is before its ReLU, ``relu3_4`` after it.
            AlexNet's are ``conv1``, ``relu1``, ``pool1`` and so on.
        weights: torchvision's file; None for torch hub's cache. The classifier's tensors are ignored.
        reduce: average squares of this many pixels a side first. Errors of light and haze are as visible in a picture
            of half the size, and a quarter of the work.
        smooth: average squares of this many pixels a side around every pixel first, without reducing. Features of
            shallow layers answer to what alternates from pixel to pixel as to detail; with 2, they do not see it.

    Shape:
        (N, 3, H, W), 0..1, to (N, C, h, w); VGG halves after each block, rounding down.

    Raises:
        MissingWeightsError: the file is missing.
        ModelError: it is damaged or belongs to another network.
        ValueError: ``taps`` is invalid.
    """

    def __init__(
        self, name: Name, taps: Sequence[str], weights: Path | None = None, reduce: int = 1, smooth: int = 1
    ) -> None:
        indices = tap_indices(taps, TAPS[name])
        purpose = f"encoder {name!r}"
        layers, url = _architecture(name)
        path = weights or hub_file(url)
        state = read_weights(path, purpose, url)
        prefix = "features."
        fit_weights(layers, {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}, path, purpose)
        outputs = list(accumulate(layers, lambda last, layer: getattr(layer, "out_channels", last), initial=3))[1:]
        super().__init__(layers, outputs, indices, IMAGENET_MEAN, IMAGENET_STD)
        self.reduce, self.smooth = reduce, smooth

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.avg_pool2d(x, self.smooth, stride=1) if self.smooth > 1 else x
        return super().forward(F.avg_pool2d(x, self.reduce) if self.reduce > 1 else x)


class _TorchvisionOptions(EncoderOptions):
    kind: Name
    taps: tuple[str, ...]
    weights: Path | None = Field(None, description="torchvision's file; null for torch hub's cache")
    reduce: int = Field(
        1, ge=1, le=8, description="average squares of this many pixels a side first, for errors that are not in detail"
    )
    smooth: int = Field(
        1,
        ge=1,
        le=8,
        description="average squares of this many pixels a side around every pixel first; 2 hides checkerboards",
    )

    @field_validator("taps")
    @classmethod
    def _known(cls, taps: tuple[str, ...]) -> tuple[str, ...]:
        tap_indices(taps, TAPS[cls.model_fields["kind"].default])
        return taps

    def build(self) -> Encoder:
        return TorchvisionFeatures(self.kind, self.taps, self.weights, self.reduce, self.smooth)


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


def _architecture(name: Name) -> tuple[nn.Sequential, str]:
    """The convolutional layers without weights, and the URL of their weights."""
    try:
        from torchvision import models
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"encoder {name!r}", "train", error.name) from error
    with torch.device("meta"):  # the classifier alone takes half a gigabyte
        layers: nn.Sequential = models.get_model(name, weights=None).features
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # a tap on the convolution before it must keep its negative values
    url: str = models.get_model_weights(name).IMAGENET1K_V1.url
    return layers, url
