"""A stage of MAXIM: a U-Net of multi-axis blocks whose skip connections are gated by the deepest features.

All modules here take and return features (N, H, W, C), channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.maxim.gating import CrossGating, MultiAxis, dense, gelu, layer_norm

DEPTH = 3
_SLOPE = 0.2
_REDUCTION = 4


@dataclass(frozen=True)
class Shape:
    """Sizes of a stage.

    Attributes:
        width: channels at full resolution; twice as many at each coarser one.
        groups: multi-axis blocks at each resolution.
        bottlenecks: of the coarsest features.
        high: side of windows and grid at the two finer resolutions.
        low: side of windows and grid at the coarser ones.
        scales: resolutions at which the stage sees the picture, 1 to 3.
    """

    width: int
    groups: int
    bottlenecks: int
    high: int
    low: int
    scales: int

    def channels(self, level: int) -> int:
        """Channels at a level; 0 has full resolution."""
        return self.width << level

    def side(self, level: int) -> int:
        """Side of windows and grid at a level."""
        return self.high if level < 2 else self.low


class Conv(nn.Module):
    """A convolution, or a transposed one, of features with the channels last."""

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return out


def conv3x3(inputs: int, outputs: int) -> Conv:
    """A convolution that keeps the size."""
    return Conv(nn.Conv2d(inputs, outputs, 3, padding=1))


def halving(channels: int) -> Conv:
    """A convolution that halves the size."""
    return Conv(nn.Conv2d(channels, channels, 4, 2, 1))


def doubling(inputs: int, outputs: int) -> Conv:
    """A convolution that doubles the size."""
    return Conv(nn.ConvTranspose2d(inputs, outputs, 2, 2))


class ChannelAttention(nn.Module):
    """Squeeze and excitation (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // _REDUCTION)
        self.squeeze, self.excite = nn.Linear(channels, inner), nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2), keepdim=True)
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))


class Convolving(nn.Module):
    """RCAB: two convolutions and channel attention, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.attention = layer_norm(channels), ChannelAttention(channels)
        self.first, self.second = conv3x3(channels, channels), conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.first(self.norm(x)), _SLOPE)
        out: Tensor = x + self.attention(self.second(inner))
        return out


class Perceiving(nn.Module):
    """RDCAB: an MLP of each pixel and channel attention, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.attention = layer_norm(channels), ChannelAttention(channels)
        self.first, self.second = dense(channels, channels), dense(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.attention(self.second(gelu(self.first(self.norm(x)))))
        return out


class Blocks(nn.Module):
    """A projection, then groups of a multi-axis block and another one, added to the projection."""

    def __init__(
        self, inputs: int, channels: int, side: int, groups: int, other: Callable[[int], nn.Module] = Convolving
    ) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, channels)
        self.groups = nn.ModuleList(nn.Sequential(MultiAxis(channels, side), other(channels)) for _ in range(groups))

    def forward(self, x: Tensor) -> Tensor:
        first: Tensor = self.project(x)
        x = first
        for group in self.groups:
            x = group(x)
        return first + x


class Resample(nn.Module):
    """Features of another level brought to this one's size, and projected."""

    def __init__(self, shape: Shape, source: int, level: int) -> None:
        super().__init__()
        self.ratio = 2 ** abs(source - level)
        self.up = source > level
        self.project = nn.Linear(shape.channels(source), shape.channels(level))

    def forward(self, x: Tensor) -> Tensor:
        # Projected first where that is smaller: both are linear and commute.
        small: Tensor = self.project(x) if self.up or self.ratio == 1 else self.project(self._resized(x))
        return self._resized(small) if self.up else small

    def _resized(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        if self.up:
            x = F.interpolate(x, scale_factor=float(self.ratio), mode="bilinear", align_corners=False)
        else:
            x = F.avg_pool2d(x, self.ratio)
        return x.permute(0, 2, 3, 1)


class Fusion(nn.Module):
    """The features of all levels side by side, at the size of one of them."""

    def __init__(self, shape: Shape, level: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Resample(shape, source, level) for source in range(DEPTH))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        return torch.cat([part(x) for part, x in zip(self.parts, features, strict=True)], dim=-1)


@dataclass(frozen=True)
class Handed:
    """What a stage hands to the next, for each level: features of encoder and decoder, and attended ones."""

    encoded: list[Tensor]
    decoded: list[Tensor]
    attended: list[Tensor]


class Stage(nn.Module):
    """Encoder, bottleneck, cross-gated skip connections and decoder.

    Args:
        shape: the sizes.
        later: whether another stage comes before it.
    """

    def __init__(self, shape: Shape, later: bool) -> None:
        super().__init__()
        self.shape = shape
        levels = [(shape.channels(level), shape.side(level)) for level in range(DEPTH)]
        self.enter = nn.ModuleList(conv3x3(3, channels) for channels, _ in levels[: shape.scales])
        self.fuse = nn.ModuleList(
            CrossGating(channels, channels, channels, side) for channels, side in levels[: shape.scales if later else 0]
        )
        before = [levels[0][0], *(channels for channels, _ in levels[:-1])]
        self.encode = nn.ModuleList(
            Blocks(inputs + (channels if level < shape.scales else 0), channels, side, shape.groups)
            for level, (inputs, (channels, side)) in enumerate(zip(before, levels, strict=True))
        )
        self.recall = nn.ModuleList(
            CrossGating(channels, channels, channels, side) for channels, side in (levels if later else [])
        )
        self.halve = nn.ModuleList(halving(channels) for channels, _ in levels)
        deepest = shape.channels(DEPTH - 1)
        self.bottleneck = nn.Sequential(
            *(Blocks(deepest, deepest, shape.low, shape.groups, Perceiving) for _ in range(shape.bottlenecks))
        )
        after = [*(channels for channels, _ in levels[1:]), deepest]
        self.gather = nn.ModuleList(Fusion(shape, level) for level in range(DEPTH))
        self.raise_gate = nn.ModuleList(
            doubling(inputs, channels) for inputs, (channels, _) in zip(after, levels, strict=True)
        )
        self.gate = nn.ModuleList(CrossGating(DEPTH * channels, channels, channels, side) for channels, side in levels)
        self.spread = nn.ModuleList(Fusion(shape, level) for level in range(DEPTH))
        self.expand = nn.ModuleList(
            doubling(inputs, channels) for inputs, (channels, _) in zip(after, levels, strict=True)
        )
        self.decode = nn.ModuleList(
            Blocks((DEPTH + 1) * channels, channels, side, shape.groups) for channels, side in levels
        )

    def forward(self, pictures: Sequence[Tensor], before: Handed | None) -> tuple[list[Tensor], list[Tensor]]:
        """Features of encoder and decoder, for each level.

        Args:
            pictures: the input at each of the scales, (N, H / 2^i, W / 2^i, 3).
            before: from the stage before; None for the first.
        """
        seen = [layer(picture) for layer, picture in zip(self.enter, pictures, strict=True)]
        if before is not None:
            fused = zip(self.fuse, seen, before.attended, strict=True)
            seen = [gating(x, attended)[0] for gating, x, attended in fused]
        x, encoded = seen[0], list[Tensor]()
        for level in range(DEPTH):
            x = self.encode[level](torch.cat([x, seen[level]], dim=-1) if level < len(seen) else x)
            if before is not None:
                x, _ = self.recall[level](x, before.encoded[level] + before.decoded[level])
            encoded.append(x)
            x = self.halve[level](x)
        x = deep = self.bottleneck(x)
        skips: list[Tensor] = [deep] * DEPTH
        for level in reversed(range(DEPTH)):
            skips[level], deep = self.gate[level](self.gather[level](encoded), self.raise_gate[level](deep))
        decoded: list[Tensor] = [x] * DEPTH
        for level in reversed(range(DEPTH)):
            x = self.decode[level](torch.cat([self.expand[level](x), self.spread[level](skips)], dim=-1))
            decoded[level] = x
        return encoded, decoded
