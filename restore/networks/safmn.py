"""SAFMN: super-resolution with features modulated at four resolutions."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.channel_norm import ChannelNorm

_LEVELS = 4
_COARSEST = 1 << (_LEVELS - 1)


class Modulation(nn.Module):
    """Multiplies features by what a quarter of them is at full, half, a fourth and an eighth of the size.

    Shape:
        (N, C, H, W), C a multiple of 4 and both sides of 8, to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        part = channels // _LEVELS
        self.levels = nn.ModuleList(nn.Conv2d(part, part, 3, padding=1, groups=part) for _ in range(_LEVELS))
        self.join = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for level, (conv, part) in enumerate(zip(self.levels, x.chunk(_LEVELS, dim=1), strict=True)):
            now = conv(F.max_pool2d(part, 2**level) if level else part)
            made.append(F.interpolate(now, scale_factor=2.0**level, mode="nearest") if level else now)
        out: Tensor = F.gelu(self.join(torch.cat(made, dim=1))) * x
        return out


class SafmnBlock(nn.Module):
    """Modulation, then a 3x3 convolution to ``hidden`` channels and a 1x1 back, each on normalized features and added.

    Shape:
        (N, C, H, W) to the same.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = ChannelNorm(channels), ChannelNorm(channels)
        self.modulate = Modulation(channels)
        self.mix = nn.Sequential(nn.Conv2d(channels, hidden, 3, padding=1), nn.GELU(), nn.Conv2d(hidden, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.modulate(self.first(x))
        out: Tensor = x + self.mix(self.second(x))
        return out


class Safmn(nn.Module):
    """Spatially adaptive feature modulation: Sun, Dong, Tang and Pan, ICCV 2023 (arXiv 2302.13800).

    Args:
        scale: enlargement, a whole number; 1 restores at the same size.
        width: channels, a multiple of 4; 36 in the paper, and 128 in its larger version.
        blocks: 8 in the paper, and 16 in its larger version.
        growth: channels inside a block's convolutions, as a multiple of ``width``.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides multiples of 8, to (N, 3, scale * H, scale * W), not clipped.
    """

    def __init__(self, scale: int, width: int = 36, blocks: int = 8, growth: float = 2.0) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(SafmnBlock(width, int(width * growth)) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 3 * scale * scale, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        head = self.head(x)
        return F.pixel_shuffle(self.last(self.blocks(head) + head), self.scale)


class SafmnOptions(NetworkOptions):
    """Feature modulation at four resolutions (Sun et al., ICCV 2023): :class:`restore.networks.safmn.Safmn`."""

    kind: Literal["safmn"] = "safmn"
    width: int = Field(
        36, ge=4, multiple_of=_LEVELS, description="channels; a quarter of them works at each resolution"
    )
    blocks: int = Field(8, ge=1, description="blocks of a modulation and two convolutions")
    growth: float = Field(2.0, ge=1, description="channels inside a block's convolutions, as a multiple of width")

    def build(self, scale: int) -> nn.Module:
        return Safmn(scale, self.width, self.blocks, self.growth)

    def halo(self, scale: int) -> int:
        # A block's 3x3 may reach the next square of 8 x 8 pixels, whose modulation sees the one after that.
        return 2 * _COARSEST * self.blocks + 2

    def multiple(self, scale: int) -> int:
        return _COARSEST
