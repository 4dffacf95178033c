"""A small residual super-resolution network, as fast as a plain one at inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.anchored_shuffle import AnchoredShuffle, pixel_unshuffle
from restore.networks.base import NetworkOptions


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), the block of EDSR (Lim et al., CVPRW 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():  # close to the identity: a deep stack then starts like a shallow network
            for parameter in self.second.parameters():
                parameter.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


class ResidualSR(nn.Module):
    """Residual blocks of 3x3 convolutions at low resolution, the input added before one pixel shuffle.

    It runs about as fast as :class:`restore.networks.plain.PlainSR` of the same size, because runtimes fuse the
    addition into the convolution. In return, there is a path without ReLU from the first layer to the last, so a dead
    hidden unit does not silence later layers, and the network tolerates a learning rate several times higher.

    Args:
        scale: enlargement, a whole number.
        width: channels of the hidden layers. Runtimes work in blocks of 16: use 16, 32, 48 or 64.
        blocks: of two convolutions each.
        channels: 3 for RGB.
        unshuffle: the layers work at this fraction of the input's size, on squares of its pixels. A scale of 1 then
            costs a quarter with 2, and the network sees twice as far.
        strength: let a strength, if given, choose how much is changed. At scale 1 it multiplies the change, so that 0
            returns the picture as it is. At larger scales there is a second last layer, ``faithful``, and the strength
            blends both layers' results: 0 gives that of ``faithful``, 1 the other.

    Shape:
        - x: (N, channels, H, W), 0..1, H and W multiples of ``unshuffle``.
        - strength: (N,), 0..1; without it, the result is that of 1.
        - result: (N, channels, scale * H, scale * W), not clipped.
    """

    def __init__(
        self,
        scale: int,
        width: int = 32,
        blocks: int = 6,
        channels: int = 3,
        unshuffle: int = 1,
        strength: bool = False,
    ) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.head = nn.Conv2d(channels * unshuffle**2, width, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.tail = nn.Conv2d(width, channels * (unshuffle * scale) ** 2, 3, padding=1)
        self.faithful = nn.Conv2d(width, self.tail.out_channels, 3, padding=1) if strength and scale > 1 else None
        self.end = AnchoredShuffle(scale, channels, unshuffle)
        with torch.no_grad():  # start close to nearest-neighbor enlargement
            for last in filter(None, (self.tail, self.faithful)):
                for parameter in last.parameters():
                    parameter.mul_(0.1)

    @property
    def channels(self) -> list[int]:
        """Channels of the taps of :meth:`features`: the picture (unshuffled), the head and each block."""
        width = self.head.out_channels
        return [self.head.in_channels, width, *[width] * len(self.blocks)]

    def features(self, x: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """Intermediate features at ``taps``; 0 is the picture itself, unshuffled."""
        now = self._unshuffled(x)
        found = [now]
        for layer in [self.head, *self.blocks][: max(taps)]:
            now = layer(now)
            found.append(now)
        return [found[tap] for tap in taps]

    def forward(self, x: Tensor, strength: Tensor | None = None) -> Tensor:
        (last,) = self.features(x, [len(self.blocks) + 1])
        change = self.tail(last)
        if strength is not None:
            share = strength[:, None, None, None]
            if self.faithful is None:
                change = share * change
            else:
                faithful = self.faithful(last)
                change = faithful + share * (change - faithful)
        enlarged: Tensor = self.end(change, self._unshuffled(x))
        return enlarged

    def _unshuffled(self, x: Tensor) -> Tensor:
        return x if self.unshuffle == 1 else pixel_unshuffle(x, self.unshuffle)


class ResidualOptions(NetworkOptions):
    """Residual blocks with an anchor: :class:`restore.networks.residual.ResidualSR`."""

    kind: Literal["residual"] = "residual"
    width: int = Field(32, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    blocks: int = Field(6, ge=1, description="residual blocks of two convolutions")
    unshuffle: int = Field(
        1,
        ge=1,
        le=8,
        description="factor of a pixel unshuffle before the first layer; 2 works at half the size, for scales 1 and 2",
    )

    strength: bool = Field(
        False,
        description="give the model a strength. At scale 1 it multiplies the change. At larger scales it goes from the "
        "result of a second last layer, `faithful`, 0, to the other's, 1; train that layer by itself (train.only, "
        "train.strength: 0)",
    )

    def build(self, scale: int) -> nn.Module:
        return ResidualSR(scale, self.width, self.blocks, unshuffle=self.unshuffle, strength=self.strength)

    def takes_strength(self) -> bool:
        return self.strength

    def halo(self, scale: int) -> int:
        # A pixel at one end of a square sees squares to either side, and all of their pixels.
        return (2 * self.blocks + 2) * self.unshuffle + self.unshuffle - 1

    def multiple(self, scale: int) -> int:
        return self.unshuffle

    def taps(self) -> int:
        return self.blocks + 2
