"""Gated MLPs along two axes: within windows, and between the same places of all windows of a grid.

All modules here take and return features (N, H, W, C), channels last, whose sides are multiples of the windows'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Flax's, whose published networks these follow.
_EPSILON = 1e-6
_DEVIATION = 0.02


def layer_norm(channels: int) -> nn.LayerNorm:
    """Normalizes the channels of each pixel."""
    return nn.LayerNorm(channels, eps=_EPSILON)


def dense(inputs: int, outputs: int, bias: float = 0.0) -> nn.Linear:
    """A linear layer that begins small."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.0, _DEVIATION)
    nn.init.constant_(layer.bias, bias)
    return layer


def gelu(x: Tensor) -> Tensor:
    """GELU by tanh, flax's default."""
    return F.gelu(x, approximate="tanh")


class Axis(ABC):
    """One of the two ways to cut features into ``side`` * ``side`` tokens that are mixed."""

    def __init__(self, side: int) -> None:
        self.side = side

    @abstractmethod
    def cut(self, x: Tensor) -> Tensor:
        """(N, H, W, C) to (..., C, side * side), the tokens that are mixed last."""

    @abstractmethod
    def joined(self, tokens: Tensor, like: Tensor) -> Tensor:
        """The inverse of :meth:`cut`, to the shape of ``like`` but for its channels."""


class Windows(Axis):
    """Tokens are the pixels of a window: mixing is local."""

    def cut(self, x: Tensor) -> Tensor:
        n, height, width, channels = x.shape
        side = self.side
        x = x.reshape(n, height // side, side, width // side, side, channels)
        return x.permute(0, 1, 3, 5, 2, 4).flatten(4)

    def joined(self, tokens: Tensor, like: Tensor) -> Tensor:
        n, height, width, _ = like.shape
        tokens = tokens.reshape(*tokens.shape[:4], self.side, self.side).permute(0, 1, 4, 2, 5, 3)
        return tokens.reshape(n, height, width, -1)


class Grid(Axis):
    """Tokens are the same place of ``side`` * ``side`` equal parts of the picture: mixing is global, and sparse."""

    def cut(self, x: Tensor) -> Tensor:
        n, height, width, channels = x.shape
        side = self.side
        x = x.reshape(n, side, height // side, side, width // side, channels)
        return x.permute(0, 2, 4, 5, 1, 3).flatten(4)

    def joined(self, tokens: Tensor, like: Tensor) -> Tensor:
        n, height, width, _ = like.shape
        tokens = tokens.reshape(*tokens.shape[:4], self.side, self.side).permute(0, 4, 1, 5, 2, 3)
        return tokens.reshape(n, height, width, -1)


class Mixing(nn.Module):
    """A linear layer over the tokens of an axis, the same for all channels.

    Args:
        axis: which pixels are mixed.
        bias: of the layer at the start.
    """

    def __init__(self, axis: Axis, bias: float = 0.0) -> None:
        super().__init__()
        self.axis = axis
        self.layer = dense(axis.side**2, axis.side**2, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.axis.joined(self.layer(self.axis.cut(x)), x)


class GatedMLP(nn.Module):
    """gMLP (Liu et al., NeurIPS 2021) along an axis: one half of the channels, mixed, gates the other."""

    def __init__(self, channels: int, axis: Axis) -> None:
        super().__init__()
        self.norm, self.enter = layer_norm(channels), dense(channels, 2 * channels)
        self.gate_norm, self.mixing = layer_norm(channels), Mixing(axis)
        self.leave = dense(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        values, gate = gelu(self.enter(self.norm(x))).chunk(2, dim=-1)
        out: Tensor = x + self.leave(values * (self.mixing(self.gate_norm(gate)) + 1))
        return out


class MultiAxis(nn.Module):
    """One half of the channels through a gated MLP over the grid, the other over windows.

    Args:
        channels: of the features.
        side: of the windows, and of the grid.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.norm, self.enter = layer_norm(channels), dense(channels, 2 * channels)
        self.grid, self.windows = GatedMLP(channels, Grid(side)), GatedMLP(channels, Windows(side))
        self.leave = dense(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        sparse, local = gelu(self.enter(self.norm(x))).chunk(2, dim=-1)
        out: Tensor = x + self.leave(torch.cat([self.grid(sparse), self.windows(local)], dim=-1))
        return out


class GatingWeights(nn.Module):
    """Factors by which other features are multiplied, from both axes; see :class:`CrossGating`."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.norm, self.enter = layer_norm(channels), nn.Linear(channels, 2 * channels)
        self.grid, self.windows = Mixing(Grid(side), 1.0), Mixing(Windows(side), 1.0)
        self.leave = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        sparse, local = gelu(self.enter(self.norm(x))).chunk(2, dim=-1)
        out: Tensor = self.leave(torch.cat([self.grid(sparse), self.windows(local)], dim=-1))
        return out


class CrossGating(nn.Module):
    """Two features, each gated by the other; the first also takes up the second.

    Args:
        x: channels of the first.
        y: channels of the second.
        channels: of both results.
        side: of the windows, and of the grid.
    """

    def __init__(self, x: int, y: int, channels: int, side: int) -> None:
        super().__init__()
        self.project_x, self.project_y = nn.Linear(x, channels), nn.Linear(y, channels)
        self.norm_x, self.norm_y = layer_norm(channels), layer_norm(channels)
        self.enter_x, self.enter_y = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.gate_x, self.gate_y = GatingWeights(channels, side), GatingWeights(channels, side)
        self.leave_x, self.leave_y = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.project_x(x), self.project_y(y)
        values_x, values_y = gelu(self.enter_x(self.norm_x(x))), gelu(self.enter_y(self.norm_y(y)))
        y = y + self.leave_y(values_y * self.gate_x(values_x))
        x = x + y + self.leave_x(values_x * self.gate_y(values_y))
        return x, y
