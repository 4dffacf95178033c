"""RFDN: residual feature distillation network.

Liu, Tang and Wu, "Residual feature distillation network for lightweight image super-resolution", ECCV workshops 2020;
weights of njulj/RFDN.
"""

from __future__ import annotations

import torch
from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import Tensor, nn

from restore.networks.published.describe import described, shuffle_factor
from restore.networks.published.layers import SHORTEST, FusedBlocks, SpatialAttention, conv, leaky


class ResidualDistillationBlock(nn.Module):
    """Three residual convolutions, each with half the channels set aside, and spatial attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.c1_d, self.c2_d, self.c3_d = (conv(width, half, 1) for _ in range(3))
        self.c1_r, self.c2_r, self.c3_r = (conv(width, width) for _ in range(3))
        self.c4, self.c5 = conv(width, half), conv(4 * half, width, 1)
        self.esa = SpatialAttention(width, width // 4)
        self.act = leaky()

    def forward(self, x: Tensor) -> Tensor:
        parts, made = [], x
        for aside, residual in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            parts.append(self.act(aside(made)))
            made = self.act(residual(made) + made)
        joined: Tensor = self.esa(self.c5(torch.cat([*parts, self.act(self.c4(made))], 1)))
        return joined


class Rfdn(FusedBlocks):
    """RFDN of any number of blocks."""

    def __init__(self, width: int, blocks: int, scale: int) -> None:
        named = {f"B{number}": ResidualDistillationBlock(width) for number in range(1, blocks + 1)}
        super().__init__(conv(3, width), named, width, scale)


class RfdnArchitecture(Architecture[nn.Module]):
    """RFDN."""

    def __init__(self) -> None:
        super().__init__(
            id="RFDN", detect=KeyCondition.has_all("B1.c1_d.weight", "B1.esa.conv_max.weight", "LR_conv.weight")
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        width, scale = state_dict["LR_conv.weight"].shape[0], shuffle_factor(state_dict["upsampler.0.weight"])
        blocks = state_dict["c.0.weight"].shape[1] // width
        return described(self, Rfdn(width, blocks, scale), state_dict, scale, minimum=SHORTEST)
