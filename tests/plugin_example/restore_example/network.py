"""Residual blocks of depthwise separable convolutions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions


class SeparableBlock(nn.Module):
    """x + pointwise(relu(depthwise(x))), after Howard et al., "MobileNets", 2017."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pointwise(F.relu(self.depthwise(x)))


class Separable(nn.Module):
    """A network of few parameters: (N, 3, H, W) on 0..1 to (N, 3, scale * H, scale * W), not clipped."""

    def __init__(self, scale: int, width: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(SeparableBlock(width) for _ in range(blocks)))
        self.tail = nn.Conv2d(width, 3 * scale * scale, 3, padding=1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        nearest = x.repeat_interleave(self.scale**2, dim=1)
        return F.pixel_shuffle(self.tail(self.blocks(self.head(x))) + nearest, self.scale)


class SeparableOptions(NetworkOptions):
    """Depthwise separable convolutions."""

    kind: Literal["example-separable"] = "example-separable"
    width: int = Field(16, ge=1, description="channels of the hidden layers")
    blocks: int = Field(2, ge=1, description="residual blocks")

    def build(self, scale: int) -> nn.Module:
        return Separable(scale, self.width, self.blocks)

    def halo(self, scale: int) -> int:
        return self.blocks + 2
