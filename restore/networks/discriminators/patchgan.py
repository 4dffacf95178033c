"""PatchGAN: a discriminator that scores overlapping patches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from restore.networks.discriminators.base import DiscriminatorOptions


class PatchGan(nn.Module):
    """A convolutional discriminator that judges overlapping patches (Isola et al., "Image-to-image translation with
    conditional adversarial networks", CVPR 2017), 70 x 70 pixels each with three layers.

    It uses spectral norm (Miyato et al., ICLR 2018) instead of the batch or instance norm of Isola's and CUT's, so that
    its score depends on a single picture, including its contrast.

    Args:
        width: channels of the first layer; they double at most twice.
        layers: of stride 2.

    Shape:
        ``logits``: (N, 3, H, W), 0..1, to (N, 1, h, w), a logit for each patch; sides of at least 3 x 2^layers pixels.
    """

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [3, *(width * min(2**i, 8) for i in range(layers + 1))]
        body: list[nn.Module] = []
        for i in range(layers + 1):
            stride = 2 if i < layers else 1
            conv = nn.Conv2d(widths[i], widths[i + 1], 4, stride=stride, padding=1)
            body += [nn.utils.parametrizations.spectral_norm(conv), nn.LeakyReLU(0.2)]
        body.append(nn.utils.parametrizations.spectral_norm(nn.Conv2d(widths[-1], 1, 4, padding=1)))
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x)

    def logits(self, x: Tensor) -> Tensor:
        """One logit for each patch."""
        opinion: Tensor = self.body(x * 2 - 1)
        return opinion


class PatchGanOptions(DiscriminatorOptions):
    """Overlapping patches: :class:`restore.networks.discriminators.patchgan.PatchGan`."""

    kind: Literal["patchgan"] = "patchgan"
    width: PositiveInt = Field(64, description="channels of the first layer")
    layers: int = Field(3, ge=1, le=5, description="of stride 2; three layers see 70 pixels")

    def build(self) -> nn.Module:
        return PatchGan(self.width, self.layers)

    def minimum(self) -> int:
        return 3 << self.layers  # the last two convolutions take a pixel each


def receptive_field(layers: int) -> int:
    """Pixels that one logit looks at, along a side."""
    field = 1
    for stride in (1, 1, *(2,) * layers):
        field = (field - 1) * stride + 4
    return field
