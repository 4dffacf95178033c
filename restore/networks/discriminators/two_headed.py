"""IFRNet's and CIFR's discriminator: one score of the picture, and one of each patch."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from restore.networks.discriminators.base import DiscriminatorOptions

_SLOPE = 0.2


class TwoHeaded(nn.Module):
    """A trunk of strided convolutions under spectral normalization, and a global and a local head.

    Kinli, Ozcan and Kirac, "Instagram filter removal on fashionable images" (IFRNet), NTIRE 2021, and "Patch-wise
    contrastive style learning for Instagram filter removal" (CIFR), NTIRE 2022. The global head averages over
    positions, so it accepts any size; the released one flattens, for 256 x 256 only.

    Args:
        width: channels of the first layer.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides above 16, to logits (N, 2, h, w): the global one, the same
        everywhere, and the local ones. Their mean is the mean of both heads' means.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 2 * width, 4 * width, 8 * width)
        strides = (2, 2, 2, 2, 1)
        self.trunk = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 5, stride, 2))
            for a, b, stride in zip(channels, channels[1:], strides, strict=False)
        )
        self.everywhere = spectral_norm(nn.Conv2d(8 * width, 2 * width, 5, 2, 2))
        self.opinion = nn.Linear(2 * width, 1)
        self.patches = nn.Conv2d(8 * width, 1, 1)

    def logits(self, x: Tensor) -> Tensor:
        """Logits of pictures: above 0 for a photograph, below for a fake."""
        now = 2 * x - 1
        for layer in self.trunk:
            now = F.leaky_relu(layer(now), _SLOPE)
        whole = self.opinion(F.leaky_relu(self.everywhere(now), _SLOPE).mean((2, 3)))[:, :, None, None]
        local = self.patches(now)
        return torch.cat((whole.expand_as(local), local), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """The same as :meth:`logits`."""
        return self.logits(x)


class TwoHeadedOptions(DiscriminatorOptions):
    """The picture and its patches (IFRNet, CIFR): :class:`restore.networks.discriminators.two_headed.TwoHeaded`."""

    kind: Literal["two-headed"] = "two-headed"
    width: PositiveInt = Field(32, description="channels of the first layer")

    def build(self) -> nn.Module:
        return TwoHeaded(self.width)

    def minimum(self) -> int:
        return 17  # for a single pixel, at a sixteenth of the side, torch's bf16 gradients are NaN
