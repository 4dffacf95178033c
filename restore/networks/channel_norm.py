"""Normalization of the channels of each pixel, for features (N, C, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-6


class ChannelNorm(nn.Module):
    """Layer normalization of each pixel: its channels get mean 0 and variance 1, then a learned scale and shift.

    Ba, Kiros and Hinton, "Layer normalization", 2016, as ConvNeXt and the networks after it apply it to pictures.

    Shape:
        (N, C, H, W) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        # Transposing for torch's own layer norm, one node in ONNX, is faster than a mean and a variance over axis 1.
        made = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, _EPSILON)
        return made.permute(0, 3, 1, 2)
