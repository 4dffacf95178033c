"""SPAN: super-resolution with attention that has no parameters."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.reparam_conv import ReparamConv

# Mean of DIV2K's photographs in R, G and B, and the factor applied after subtracting it. The attention needs the large
# range: on 0..1 the sigmoid is almost linear, and each block would shrink its input.
_MEAN, _RANGE = (0.4488, 0.4371, 0.4040), 255.0


class Span(nn.Module):
    """3x3 convolutions at low resolution whose output is scaled by its own sigmoid.

    Wan et al., "Swift parameter-free attention network for efficient super-resolution", CVPR workshops 2024. With
    ``branches``, each 3x3 convolution trains as a :class:`ReparamConv`, whose branches differ from the paper's (a
    sequence of 1x1, 3x3 and 1x1 in parallel with a 1x1); folded, the networks are the same, and published weights fit.

    Args:
        scale: enlargement, a whole number.
        width: channels of the hidden layers; 48 in the paper, and 52 in its larger version.
        blocks: 6 in the paper.
        branches: train with :class:`ReparamConv`; :meth:`deployed` gives plain convolutions either way.

    Shape:
        (N, 3, H, W), RGB, 0..1, to (N, 3, scale * H, scale * W), not clipped.
    """

    mean: Tensor

    def __init__(self, scale: int, width: int = 48, blocks: int = 6, branches: bool = True) -> None:
        super().__init__()
        self.scale, self.width = scale, width
        self.head = _conv(3, width, branches)
        self.blocks = nn.ModuleList(SpanBlock(width, branches) for _ in range(blocks))
        self.tail = _conv(width, width, branches)
        self.join = nn.Conv2d(4 * width, width, 1)
        self.last = nn.Conv2d(width, 3 * scale * scale, 3, padding=1)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        with torch.no_grad():  # start near the mean color: the features are on the scale of the range
            self.last.weight.div_(_RANGE)
            assert self.last.bias is not None
            self.last.bias.copy_(self.mean.flatten().repeat_interleave(scale * scale))

    def forward(self, x: Tensor) -> Tensor:
        head = self.head((x - self.mean.to(x.dtype)) * _RANGE)
        now, first, inner = head, head, head
        for number, block in enumerate(self.blocks):
            now, inner = block(now)
            first = first if number else now
        joined = self.join(torch.cat((head, self.tail(now), first, inner), dim=1))
        return F.pixel_shuffle(self.last(joined), self.scale)

    def deployed(self) -> Span:
        """The network to export: the same function with one ordinary convolution per layer."""
        plain = Span(self.scale, self.width, len(self.blocks), branches=False).to(self.mean.device)
        folded = {
            f"{name}.{key}": value
            for name, module in self.named_modules()
            if isinstance(module, ReparamConv)
            for key, value in module.folded().state_dict().items()
        }
        own = plain.state_dict()
        plain.load_state_dict({key: value for key, value in self.state_dict().items() if key in own} | folded)
        return plain.train(self.training)


class SpanBlock(nn.Module):
    """Three convolutions and symmetric attention: (x + y) * (sigmoid(y) - 0.5), where y is the last one's output.

    Shape:
        (N, width, H, W) to two of the same: the block's output, and its first convolution's after SiLU.
    """

    def __init__(self, width: int, branches: bool) -> None:
        super().__init__()
        self.first, self.second, self.third = (_conv(width, width, branches) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = F.silu(self.first(x))
        made = self.third(F.silu(self.second(inner)))
        return (x + made) * (made.sigmoid() - 0.5), inner


class SpanOptions(NetworkOptions):
    """Attention without parameters (Wan et al., CVPRW 2024): :class:`restore.networks.span.Span`."""

    kind: Literal["span"] = "span"
    width: int = Field(48, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    blocks: int = Field(6, ge=1, description="blocks of three convolutions")
    branches: bool = Field(True, description="train with re-parameterized branches, folded at export")

    def build(self, scale: int) -> nn.Module:
        return Span(scale, self.width, self.blocks, self.branches)

    def halo(self, scale: int) -> int:
        return 3 * self.blocks + 3


def _conv(inputs: int, outputs: int, branches: bool) -> nn.Module:
    return ReparamConv(inputs, outputs) if branches else nn.Conv2d(inputs, outputs, 3, padding=1)
