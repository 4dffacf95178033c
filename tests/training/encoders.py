"""Encoders for test recipes."""

from __future__ import annotations

import torch
from torch import nn


class _Edges(nn.Module):
    """Four random filters with zero mean, which respond only to edges."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
        self.weight = nn.Parameter(weight - weight.mean(dim=(1, 2, 3), keepdim=True))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [nn.functional.conv2d(x, self.weight)]


def edges() -> nn.Module:
    return _Edges()
