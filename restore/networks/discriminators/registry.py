"""Every discriminator by ``kind``."""

from __future__ import annotations

from typing import Annotated

from restore.encoders.haar import HaarOptions
from restore.networks.discriminators.base import DiscriminatorOptions
from restore.networks.discriminators.patchgan import PatchGanOptions
from restore.networks.discriminators.two_headed import TwoHeadedOptions
from restore.networks.discriminators.unet import UNetOptions
from restore.utils.registry import OneOf, Registry, by_kind

# 'haar' is an encoder too, so its options are those of the encoder.
DISCRIMINATORS: Registry[type[DiscriminatorOptions | HaarOptions]] = by_kind(
    "discriminator", "restore.discriminators", HaarOptions, PatchGanOptions, TwoHeadedOptions, UNetOptions
)

AnyDiscriminator = Annotated[DiscriminatorOptions | HaarOptions, OneOf(DISCRIMINATORS)]
