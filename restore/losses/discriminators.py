"""Every discriminator by name.

One explicit table, ``DISCRIMINATORS``. A discriminator is a module with ``logits(x)``: (N, 3, H, W) RGB on 0..1 to
logits of any shape; one that is an encoder too lends its features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from restore.encoders.registry import HaarOptions


class DiscriminatorOptions(BaseModel, ABC):
    """What every discriminator must be able to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self) -> Any:
        """The discriminator (an ``nn.Module``), freshly initialised."""

    @abstractmethod
    def minimum(self) -> int:
        """The shortest side of a picture that it has an opinion of."""


class PatchGanOptions(DiscriminatorOptions):
    """Overlapping patches: :class:`restore.networks.patchgan.PatchGan`."""

    kind: Literal["patchgan"] = "patchgan"
    width: PositiveInt = Field(64, description="channels of the first layer")
    layers: int = Field(3, ge=1, le=5, description="of stride 2; three see 70 pixels")

    def build(self) -> Any:
        from restore.networks.patchgan import PatchGan

        return PatchGan(self.width, self.layers)

    def minimum(self) -> int:
        return 3 << self.layers  # the last two convolutions take a pixel each


class TwoHeadedOptions(DiscriminatorOptions):
    """The whole picture and its patches: :class:`restore.networks.two_headed.TwoHeaded` (IFRNet, CIFR)."""

    kind: Literal["two-headed"] = "two-headed"
    width: PositiveInt = Field(32, description="channels of the first layer")

    def build(self) -> Any:
        from restore.networks.two_headed import TwoHeaded

        return TwoHeaded(self.width)

    def minimum(self) -> int:
        return 17  # of a single pixel, at a sixteenth, torch's bf16 has gradients that are no numbers


DISCRIMINATORS: dict[str, type[DiscriminatorOptions] | type[HaarOptions]] = {
    "haar": HaarOptions,
    "patchgan": PatchGanOptions,
    "two-headed": TwoHeadedOptions,
}

AnyDiscriminator = Annotated[HaarOptions | PatchGanOptions | TwoHeadedOptions, Field(discriminator="kind")]
