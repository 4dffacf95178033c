"""A plain-convolution super-resolution network, designed for fast inference."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.anchored_shuffle import AnchoredShuffle
from restore.networks.base import NetworkOptions
from restore.networks.reparam_conv import ReparamConv


class PlainSR(nn.Module):
    """3x3 convolutions and ReLUs at low resolution, one pixel shuffle at the end.

    The input is added before the shuffle (:class:`AnchoredShuffle`). It uses nothing that is slow in runtimes: no
    PReLU, no attention, no resize, no odd channel counts.

    Args:
        scale: enlargement, a whole number.
        width: channels of the hidden layers. Runtimes work in blocks of 16: use 16, 32, 48 or 64.
        depth: hidden convolutions between the first and the last.
        branches: train with :class:`ReparamConv`; :meth:`deployed` gives the plain network either way.
        channels: 3 for RGB.

    Shape:
        (N, channels, H, W), 0..1, to (N, channels, scale * H, scale * W), not clipped.
    """

    def __init__(self, scale: int, width: int = 48, depth: int = 6, branches: bool = True, channels: int = 3) -> None:
        super().__init__()
        self.scale, self.width, self.depth, self.branches, self.channels = scale, width, depth, branches, channels
        widths = [channels, *[width] * (depth + 1), channels * scale * scale]
        self.convs = nn.ModuleList(
            ReparamConv(a, b) if branches else nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)
        )
        self.end = AnchoredShuffle(scale, channels)
        self._start_as_nearest()

    @torch.no_grad()
    def _start_as_nearest(self) -> None:
        """Start close to nearest-neighbor enlargement, with hidden layers close to the identity.

        With random weights throughout, the first output is noise. Its large gradients then permanently silence hidden
        units, while the loss still looks healthy.
        """
        for conv in list(self.convs)[1:-1]:
            if isinstance(conv, nn.Conv2d):  # a ReparamConv has its identity branch
                conv.weight[:, :, 1, 1] += torch.eye(self.width)
        last = self.convs[-1]
        scaled = (last.weight, last.expand, last.edge_scale) if isinstance(last, ReparamConv) else (last.weight,)
        for parameter in (*scaled, last.bias):
            parameter.mul_(0.01)

    @property
    def halo(self) -> int:
        """Receptive field to each side in input pixels: one for each 3x3 convolution."""
        return len(self.convs)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for conv in self.convs[:-1]:
            features = F.relu(conv(features))
        enlarged: Tensor = self.end(self.convs[-1](features), x)
        return enlarged

    def deployed(self) -> PlainSR:
        """The network to export: the same function with one ordinary convolution per layer."""
        plain = PlainSR(self.scale, self.width, self.depth, branches=False, channels=self.channels)
        plain.to(self.end.repeat.device)
        for mine, own in zip(self.convs, plain.convs, strict=True):
            source = mine.folded() if isinstance(mine, ReparamConv) else mine
            own.load_state_dict(source.state_dict())
        return plain.train(self.training)


class PlainOptions(NetworkOptions):
    """Plain 3x3 convolutions with an anchor: :class:`restore.networks.plain.PlainSR`."""

    kind: Literal["plain"] = "plain"
    width: int = Field(48, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    depth: int = Field(6, ge=0, description="hidden convolutions between the first and the last")
    branches: bool = Field(True, description="train with re-parameterized branches, folded at export")

    def build(self, scale: int) -> nn.Module:
        return PlainSR(scale, self.width, self.depth, self.branches)

    def halo(self, scale: int) -> int:
        return self.depth + 2
