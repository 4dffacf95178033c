"""The end of a super-resolution network: detail over the repeated input, and one pixel shuffle."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AnchoredShuffle(nn.Module):
    """Add the input to the detail, each pixel repeated, and shuffle (the anchor of ABPN, Du et al., CVPRW 2021).

    The layers before learn only what nearest-neighbour enlargement lacks.

    Args:
        scale: enlargement, a whole number.
        channels: 3 for RGB.

    Shape:
        detail (N, channels * scale**2, H, W) and picture (N, channels, H, W) to (N, channels, scale * H, scale * W).
    """

    repeat: Tensor

    def __init__(self, scale: int, channels: int = 3) -> None:
        super().__init__()
        self.scale = scale
        repeat = torch.eye(channels).repeat_interleave(scale * scale, dim=0)
        self.register_buffer("repeat", repeat[:, :, None, None], persistent=False)

    def forward(self, detail: Tensor, picture: Tensor) -> Tensor:
        with torch.autocast(picture.device.type, enabled=False):  # the picture itself must not be rounded to bf16
            anchor = F.conv2d(picture, self.repeat.to(picture.dtype))
            return F.pixel_shuffle(detail.to(picture.dtype) + anchor, self.scale)
