"""MAXIM (Tu et al., CVPR 2022): stages of U-Nets that mix pixels by MLPs, within windows and across the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from restore.networks.base import NetworkOptions
from restore.networks.maxim.stage import DEPTH, Conv, Handed, Shape, Stage, conv3x3


class Attention(nn.Module):
    """SAM of MPRNet (Zamir et al., CVPR 2021): features attended by where the result so far needs them.

    Shape:
        features (N, H, W, C) and picture (N, H, W, 3) to (N, H, W, C).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner, self.picture, self.attend = conv3x3(channels, channels), conv3x3(channels, 3), conv3x3(3, channels)

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        out: Tensor = x + self.inner(x) * torch.sigmoid(self.attend(self.picture(x) + picture))
        return out


class Attentions(nn.Module):
    """:class:`Attention` at each of the scales."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Attention(shape.channels(level)) for level in range(shape.scales))

    def forward(self, decoded: Sequence[Tensor], pictures: Sequence[Tensor]) -> list[Tensor]:
        return [layer(x, picture) for layer, x, picture in zip(self.levels, decoded, pictures, strict=False)]


class Maxim(nn.Module):
    """Multi-axis MLP for image processing, Tu et al., CVPR 2022.

    Half of the channels of each block is mixed within windows, the other on a coarse grid over the whole picture, at
    a cost in proportion to the picture's area. Skip connections are gated by the deepest features, and stages hand
    features to one another.

    The published S-1, S-2 and S-3 have ``width`` 32 and 1 to 3 ``stages``; M-1 to M-3 have ``width`` 64.

    Differences from the released code: features are halved for the fusion of levels by the mean of squares of pixels,
    not by an antialiased bilinear filter. Only the last result at full size is computed and trained, where the paper's
    loss sums those of all stages and scales. The last layer begins small, so that the network begins close to its
    input. The picture is padded to the multiple that windows and grids need, mirrored, inside the network.

    Args:
        shape: sizes of the stages.
        stages: 1 to 3.

    Shape:
        (N, 3, H, W), RGB, 0..1, any size, to the same, not clipped.
    """

    def __init__(self, shape: Shape, stages: int) -> None:
        super().__init__()
        self.shape, self.multiple = shape, multiple_of(shape)
        self.stages = nn.ModuleList(Stage(shape, later=number > 0) for number in range(stages))
        self.attention = nn.ModuleList(Attentions(shape) for _ in range(stages - 1))
        self.last: Conv = conv3x3(shape.width, 3)
        with torch.no_grad():
            for parameter in self.last.parameters():
                parameter.mul_(0.1)

    @property
    def traced_side(self) -> int:
        """See :class:`restore.networks.base.TracedLarger`."""
        return self.multiple + 1

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        padded = _mirrored(_mirrored(x, self.multiple, 2), self.multiple, 3).permute(0, 2, 3, 1)
        # The middle pixel of each square, toward the end.
        factors = [2**level for level in range(self.shape.scales)]
        pictures = [padded[:, f // 2 :: f, f // 2 :: f] for f in factors]
        before: Handed | None = None
        decoded: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            encoded, decoded = stage(pictures, before)
            if number < len(self.attention):
                before = Handed(encoded, decoded, self.attention[number](decoded, pictures))
        made: Tensor = (self.last(decoded[0]) + padded).permute(0, 3, 1, 2)
        return made[:, :, :height, :width]


def multiple_of(shape: Shape) -> int:
    """The sides of a padded picture are multiples of this."""
    return int(max(2 * shape.high, 2**DEPTH * shape.low))


def _mirrored(x: Tensor, multiple: int, axis: int) -> Tensor:
    """Pictures whose side along an axis is a multiple, extended at its end by mirroring, as often as it takes."""
    side = x.shape[axis]
    # In this form, an exporter sees that what follows divides the padded side.
    padded = (side + multiple - 1) // multiple * multiple
    places = torch.arange(padded, device=x.device)
    period = torch.arange(2 * side - 1, device=x.device)[-1:].clamp(min=1)
    places = places % period
    return x.index_select(axis, torch.minimum(places, period - places).clamp(max=side - 1))


class MaximOptions(NetworkOptions):
    """MAXIM, at scale 1; the defaults are its S-1: :class:`restore.networks.maxim.network.Maxim`."""

    kind: Literal["maxim"] = "maxim"
    width: int = Field(32, ge=4, multiple_of=4, description="channels at full resolution; 32 for S, 64 for M")
    stages: int = Field(1, ge=1, le=3, description="U-Nets one after another")
    groups: int = Field(2, ge=1, description="multi-axis blocks at each resolution")
    bottlenecks: int = Field(2, ge=1, description="blocks of the coarsest features")
    high: Literal[4, 8, 16, 32] = Field(16, description="side of windows and grid at the two finer resolutions")
    low: Literal[4, 8, 16] = Field(8, description="side of windows and grid at the coarser resolutions")
    scales: int = Field(1, ge=1, le=DEPTH, description="resolutions at which each stage sees the picture")

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return Maxim(Shape(self.width, self.groups, self.bottlenecks, self.high, self.low, self.scales), self.stages)

    def halo(self, scale: int) -> int:
        return 64  # what windows and convolutions reach, rounded up; the grid covers the whole input

    def exact_tiles(self) -> bool:
        return False

    def border(self, scale: int) -> int:
        return 0  # it pads by itself
