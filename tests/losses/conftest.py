"""Pictures, and a small encoder that is smooth everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from restore.encoders.encoder import Encoder
from tests.encoders.weights import torchvision_weights


class SmoothEncoder(Encoder):
    """Two taps, no kinks: what finite differences can check."""

    def __init__(self) -> None:
        super().__init__([4, 6], (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3, stride=2)
        self.freeze()

    def forward(self, x: Tensor) -> list[Tensor]:
        shallow = torch.tanh(self.first(self.normalize(x)))
        return [shallow, torch.tanh(self.second(shallow))]


@pytest.fixture
def smooth_encoder() -> Encoder:
    return SmoothEncoder()


@pytest.fixture(scope="session")
def backbone(tmp_path_factory) -> Callable[[str], Path]:
    """The path of a file as torchvision publishes it, by the network's name."""
    folder = tmp_path_factory.mktemp("torchvision")
    return lambda name: torchvision_weights(name, folder)


@pytest.fixture
def pair() -> Callable[..., tuple[Tensor, Tensor]]:
    """A target and an output not far from it: (N, 3, height, width) each, 0..1."""

    def made(
        n: int = 2, height: int = 37, width: int = 41, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        draw = torch.Generator().manual_seed(1)
        target = torch.rand(n, 3, height, width, generator=draw, dtype=torch.float64)
        noise = torch.randn(target.shape, generator=draw, dtype=torch.float64)
        return (target + 0.1 * noise).clamp(0, 1).to(dtype), target.to(dtype)

    return made
