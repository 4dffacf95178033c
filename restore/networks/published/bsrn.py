"""BSRN: blueprint separable residual network, and BSRN-S.

Li et al., "Blueprint separable residual network for efficient image super-resolution", CVPR workshops 2022; weights of
xiaom233/BSRN.
"""

from __future__ import annotations

from functools import partial

import torch
from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.published.describe import described, shuffle_factor
from restore.networks.published.layers import SHORTEST, ContrastAttention, SpatialAttention, conv, upsampler

_COPIES = 4  # of the input, which the first convolution sees


class BlueprintConv(nn.Module):
    """A convolution of single pixels, which has a bias in BSRN-S, then one of each channel (BSConv-U)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.pw = conv(inputs, outputs, 1, bias=bias)
        self.dw = nn.Conv2d(outputs, outputs, 3, stride, padding, groups=outputs)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.dw(self.pw(x))
        return made


class BlueprintBlock(nn.Module):
    """RFDN's block with blueprint convolutions and GELU.

    Args:
        width: channels.
        small: as in BSRN-S, with learned weights of the channels in place of channel attention.
    """

    def __init__(self, width: int, small: bool) -> None:
        super().__init__()
        half, inner = width // 2, width // 4
        self.c1_d, self.c2_d, self.c3_d = (conv(width, half, 1) for _ in range(3))
        self.c1_r, self.c2_r, self.c3_r = (BlueprintConv(width, width, small) for _ in range(3))
        self.c4, self.c5 = BlueprintConv(width, half, small), conv(4 * half, width, 1)
        strided = None if small else BlueprintConv(inner, inner, stride=2, padding=0)
        self.esa = SpatialAttention(width, inner, partial(BlueprintConv, bias=small), strided, F.gelu)
        self._small = small
        if small:
            self.cw = nn.Parameter(torch.ones(1, width))
            self.conv_out = conv(width, width, 1)
        else:
            self.cca = ContrastAttention(width)

    def forward(self, x: Tensor) -> Tensor:
        parts, made = [], x
        for aside, residual in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            parts.append(F.gelu(aside(made)))
            made = F.gelu(residual(made) + made)
        joined = self.esa(self.c5(torch.cat([*parts, F.gelu(self.c4(made))], 1)))
        weighted: Tensor = self.conv_out(joined * self.cw[:, :, None, None]) if self._small else self.cca(joined)
        return x + weighted


class _Upsampler(nn.Module):
    """A convolution and a pixel shuffle, under their published name."""

    def __init__(self, width: int, scale: int) -> None:
        super().__init__()
        self.upsampleOneStep = upsampler(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.upsampleOneStep(x)
        return enlarged


class Bsrn(nn.Module):
    """BSRN and BSRN-S (``small``)."""

    def __init__(self, width: int, blocks: int, scale: int, small: bool = False) -> None:
        super().__init__()
        self.fea_conv = BlueprintConv(3 * _COPIES, width, small)
        self.names = [f"B{number}" for number in range(1, blocks + 1)]
        for name in self.names:
            self.add_module(name, BlueprintBlock(width, small))
        self.c1, self.c2 = conv(blocks * width, width, 1), BlueprintConv(width, width, small)
        self.upsampler = _Upsampler(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        first = made = self.fea_conv(torch.cat([x] * _COPIES, 1))
        results = []
        for name in self.names:
            made = self.get_submodule(name)(made)
            results.append(made)
        enlarged: Tensor = self.upsampler(self.c2(F.gelu(self.c1(torch.cat(results, 1)))) + first)
        return enlarged


class BsrnArchitecture(Architecture[nn.Module]):
    """BSRN and BSRN-S, whose convolutions of single pixels are published as matrices."""

    def __init__(self) -> None:
        super().__init__(
            id="BSRN",
            detect=KeyCondition.has_all("B1.c1_r.pw.weight", "c2.dw.weight", "upsampler.upsampleOneStep.0.weight"),
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        small = "B1.cw" in state_dict
        weights = {
            key: value[:, :, None, None] if value.dim() == 2 and key.endswith(".weight") else value
            for key, value in state_dict.items()
        }
        width, scale = weights["c1.weight"].shape[0], shuffle_factor(weights["upsampler.upsampleOneStep.0.weight"])
        blocks = weights["c1.weight"].shape[1] // width
        network = Bsrn(width, blocks, scale, small)
        return described(self, network, weights, scale, tags=["S"] if small else (), minimum=SHORTEST)
