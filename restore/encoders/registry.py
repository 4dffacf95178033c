"""Every encoder by ``kind``."""

from __future__ import annotations

from typing import Annotated

from restore.encoders.clip import ClipOptions
from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.encoders.encoder import EncoderOptions
from restore.encoders.haar import HaarOptions
from restore.encoders.module import ModuleOptions
from restore.encoders.torchvision_nets import AlexNetOptions, Vgg16Options, Vgg19Options
from restore.utils.registry import OneOf, Registry, by_kind

ENCODERS: Registry[type[EncoderOptions]] = by_kind(
    "encoder",
    "restore.encoders",
    EfficientNetLite0Options,
    Vgg16Options,
    Vgg19Options,
    AlexNetOptions,
    ClipOptions,
    HaarOptions,
    ModuleOptions,
)

AnyEncoder = Annotated[EncoderOptions, OneOf(ENCODERS)]
