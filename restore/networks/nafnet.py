"""NAFNet: a U-Net of blocks without activation functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.channel_norm import ChannelNorm


class NafBlock(nn.Module):
    """Two residual parts, in which halves of the channels are multiplied instead of passing an activation function.

    The first part has a 3x3 convolution of each channel and channel attention: a linear function of the channels'
    means over the whole input multiplies the channels. Both begin as the identity.

    Shape:
        (N, C, H, W) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = ChannelNorm(channels), ChannelNorm(channels)
        self.enter = nn.Conv2d(channels, 2 * channels, 1)
        self.each = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.attend, self.leave = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
        self.widen, self.narrow = nn.Conv2d(channels, 2 * channels, 1), nn.Conv2d(channels, channels, 1)
        self.beta, self.gamma = (nn.Parameter(torch.zeros(1, channels, 1, 1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = _gate(self.each(self.enter(self.first(x))))
        inner = inner * self.attend(inner.mean(dim=(2, 3), keepdim=True))
        x = x + self.leave(inner) * self.beta
        out: Tensor = x + self.narrow(_gate(self.widen(self.second(x)))) * self.gamma
        return out


class NafNet(nn.Module):
    """Nonlinear activation free network: Chen, Chu, Zhang and Sun, "Simple baselines for image restoration", ECCV 2022.

    The one difference from the released code is the start: the last layer begins small, so that the network begins
    close to its input.

    Args:
        width: channels at full resolution; doubled at each coarser one.
        encoder: blocks at each resolution, from fine to coarse.
        middle: blocks at the coarsest resolution.
        decoder: blocks at each resolution, from coarse to fine; as many as ``encoder``.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides multiples of ``2 ** len(encoder)``, to the same, not clipped.
    """

    def __init__(self, width: int, encoder: Sequence[int], middle: int, decoder: Sequence[int]) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(len(encoder) + 1)]
        self.head, self.last = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.encode = nn.ModuleList(_blocks(c, count) for c, count in zip(widths, encoder, strict=False))
        self.down = nn.ModuleList(nn.Conv2d(c, 2 * c, 2, stride=2) for c in widths[:-1])
        self.middle = _blocks(widths[-1], middle)
        self.up = nn.ModuleList(nn.Conv2d(c, 2 * c, 1, bias=False) for c in widths[:0:-1])
        self.decode = nn.ModuleList(_blocks(c, count) for c, count in zip(widths[-2::-1], decoder, strict=True))
        with torch.no_grad():
            for parameter in self.last.parameters():
                parameter.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        now, skips = self.head(x), list[Tensor]()
        for encode, down in zip(self.encode, self.down, strict=True):
            skips.append(encode(now))
            now = down(skips[-1])
        now = self.middle(now)
        for up, decode in zip(self.up, self.decode, strict=True):
            now = decode(F.pixel_shuffle(up(now), 2) + skips.pop())
        out: Tensor = x + self.last(now)
        return out


def _gate(x: Tensor) -> Tensor:
    one, other = x.chunk(2, dim=1)
    return one * other


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NafBlock(channels) for _ in range(count)))


_Counts = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, max_length=6)]


class NafNetOptions(NetworkOptions):
    """NAFNet, at scale 1; by default the paper's smaller one for blur: :class:`restore.networks.nafnet.NafNet`."""

    kind: Literal["nafnet"] = "nafnet"
    width: int = Field(32, ge=4, description="channels at full resolution; doubled at each coarser one")
    encoder: _Counts = Field((1, 1, 1, 28), description="blocks at each resolution, from fine to coarse")
    middle: int = Field(1, ge=0, description="blocks at the coarsest resolution, half of the encoder's last")
    decoder: _Counts = Field((1, 1, 1, 1), description="blocks at each resolution, from coarse to fine")

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.encoder) != len(self.decoder):
            raise ValueError(
                f"encoder has {len(self.encoder)} resolutions, and decoder {len(self.decoder)}: "
                "they need the same number"
            )
        return self

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return NafNet(self.width, self.encoder, self.middle, self.decoder)

    def halo(self, scale: int) -> int:
        # Of its convolutions; its channel attention covers the whole input.
        around = zip(self.encoder, reversed(self.decoder), strict=True)
        coarsest = self.multiple(scale)
        blocks = coarsest * self.middle + sum((a + b) << level for level, (a, b) in enumerate(around))
        return 2 + blocks + coarsest - 1  # an output pixel's square at the coarsest resolution

    def exact_tiles(self) -> bool:
        return False

    def multiple(self, scale: int) -> int:
        return 1 << len(self.encoder)
