"""Examples are not timed one by one: a busy machine is no fault of the code. Small encoders and pictures."""

from __future__ import annotations

import torch
from hypothesis import settings
from torch import Tensor, nn

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class SmallEncoder(nn.Module):
    """Two taps, with BatchNorm, whose statistics a careless loss would move."""

    channels = (6, 10)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.LeakyReLU(0.2))
            self.second = nn.Sequential(nn.Conv2d(6, 10, 3, stride=2, padding=1), nn.BatchNorm2d(10), nn.Tanh())

    def forward(self, x: Tensor) -> list[Tensor]:
        shallow = self.first(x)
        return [shallow, self.second(shallow)]


def pictures(n: int = 2, side: int = 12, seed: int = 0) -> Tensor:
    """(n, 3, side, side) on 0..1: smooth shapes with edges and a little noise."""
    draw = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = 6 * torch.rand(n, 3, 1, 1, generator=draw)
    waves = 0.5 + 0.3 * torch.sin(x / 1.7 + phase) * torch.cos(y / 2.3 - phase) + 0.2 * (x > side // 2)
    return (waves + 0.05 * torch.randn(n, 3, side, side, generator=draw)).clamp(0, 1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
