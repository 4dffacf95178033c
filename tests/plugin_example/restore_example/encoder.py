"""Gradients as features."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.encoders.encoder import Encoder, EncoderOptions


class Sobel(Encoder):
    """Sobel's horizontal and vertical gradient of each channel: (N, 3, H, W) to one map (N, 6, H - 2, W - 2)."""

    def __init__(self) -> None:
        super().__init__([6])
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
        self.register_buffer("kernels", torch.stack((across, across.T)).repeat(3, 1, 1)[:, None], persistent=False)
        self.freeze()

    def forward(self, x: Tensor) -> list[Tensor]:
        return [F.conv2d(self.normalize(x), self.kernels.to(x.dtype), groups=3)]


class SobelOptions(EncoderOptions):
    """Gradients, without any weights."""

    kind: Literal["example-sobel"] = "example-sobel"

    def build(self) -> Encoder:
        return Sobel()
