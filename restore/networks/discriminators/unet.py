"""basicsr's U-Net discriminator: a verdict on every pixel. basicsr, slow to import, is imported when one is built."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from restore.encoders.encoder import Encoder
from restore.networks.basicsr_adapter import basicsr_arch
from restore.networks.discriminators.base import DiscriminatorOptions

# Three convolutions of stride 2.
_MULTIPLE = 8


class UNet(Encoder):
    """basicsr's ``UNetDiscriminatorSN``, which Real-ESRGAN is trained against: it judges each pixel from its wide
    surroundings, under spectral norm.

    Schönfeld, Schiele and Khoreva, "A U-Net based discriminator for generative adversarial networks", CVPR 2020; Wang
    et al., "Real-ESRGAN", ICCVW 2021. As an encoder it gives the features of its contracting half, after each
    activation.

    Args:
        width: channels of the first layer, 64 in Real-ESRGAN; they double three times.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides at least 16, to four maps: (N, width, H, W), then twice the channels at half
        the side each time. ``logits``: to (N, 1, H, W); sides that are no multiple of 8 are lengthened by reflection,
        and the logits cut again.

    Raises:
        MissingExtraError: basicsr is not installed.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__([width, 2 * width, 4 * width, 8 * width])
        self.body = basicsr_arch("discriminator_arch", "UNetDiscriminatorSN")(3, width)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = list[Tensor]()
        for conv in (self.body.conv0, self.body.conv1, self.body.conv2, self.body.conv3):
            x = F.leaky_relu(conv(x), 0.2)
            found.append(x)
        return found

    def logits(self, x: Tensor) -> Tensor:
        """One logit for each pixel."""
        height, width = x.shape[-2:]
        opinion: Tensor = self.body(F.pad(x, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE), mode="reflect"))
        return opinion[..., :height, :width]


class UNetOptions(DiscriminatorOptions):
    """Every pixel, by basicsr's U-Net (Real-ESRGAN): :class:`restore.networks.discriminators.unet.UNet`."""

    kind: Literal["unet"] = "unet"
    width: PositiveInt = Field(64, description="channels of the first layer")

    def build(self) -> UNet:
        return UNet(self.width)

    def minimum(self) -> int:
        return 2 * _MULTIPLE  # of a single pixel at the deepest level, torch's bf16 gradients are NaN

    def lends_features(self) -> bool:
        return True
