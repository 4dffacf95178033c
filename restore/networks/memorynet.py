"""A small MemoryNet: a U-Net whose deepest features look up learned prototypes at three granularities."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions

_REDUCTION = 4


class PrototypeMemory(nn.Module):
    """Replaces the features of each pixel by a mix of learned prototypes, at three granularities.

    Zhang et al., "Memory augment is all you need for image restoration", 2023. The bank holds ``parts`` prototypes of
    each of ``instances`` of each of ``classes``. A pixel reads the parts: a softmax of products, of which small shares
    are dropped. With what it read, it reads the instances, means of their parts weighted by a gate, and with that the
    classes, means of their instances.

    Args:
        channels: of the features.
        classes: number of classes.
        instances: of each class.
        parts: of each instance.
        shrink: shares up to this are dropped; below 1 / (classes * instances * parts), so that some are always left.

    Shape:
        (N, C, H, W) to (N, 3 C, H, W): what was read of parts, instances and classes.
    """

    def __init__(self, channels: int, classes: int, instances: int, parts: int, shrink: float) -> None:
        super().__init__()
        self.classes, self.instances, self.parts, self.shrink = classes, instances, parts, shrink
        self.bank = nn.Parameter(torch.empty(classes * instances * parts, channels))
        nn.init.uniform_(self.bank, -(channels**-0.5), channels**-0.5)
        self.part_gate, self.instance_gate = nn.Conv1d(parts, parts, 1), nn.Conv1d(instances, instances, 1)

    def banks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Prototypes (count, C) of parts, instances and classes."""
        parts = self.bank.reshape(self.classes * self.instances, self.parts, -1)
        instances = (parts * torch.sigmoid(self.part_gate(parts))).mean(dim=1)
        grouped = instances.reshape(self.classes, self.instances, -1)
        return self.bank, instances, (grouped * torch.sigmoid(self.instance_gate(grouped))).mean(dim=1)

    def read(self, query: Tensor, bank: Tensor) -> Tensor:
        """A mix of a bank (M, C) for each pixel (..., C); the shares are positive and sum to 1."""
        shares = torch.softmax(query @ bank.T, dim=-1)
        kept = torch.where(shares > self.shrink, shares, torch.zeros_like(shares))
        return (kept / kept.sum(dim=-1, keepdim=True)) @ bank

    def forward(self, x: Tensor) -> Tensor:
        found, now = [], x.permute(0, 2, 3, 1)
        for bank in self.banks():
            now = self.read(now, bank)
            found.append(now)
        return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


class AttentionBlock(nn.Module):
    """CAB of MPRNet (Zamir et al., CVPR 2021): two convolutions and channel attention, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // _REDUCTION)
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.squeeze, self.excite = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(F.leaky_relu(self.first(x), 0.25))
        mean = inner.mean(dim=(2, 3), keepdim=True)
        out: Tensor = x + inner * torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))
        return out


class MemoryNet(nn.Module):
    """A U-Net of three resolutions with a memory between encoder and decoder.

    The released network applies its memory to the picture itself, and builds the result from the 100 colors it holds;
    the true input never reaches the output. Here the memory is at the deepest features, and adds to them. The host is
    one U-Net of MPRNet's blocks, not MPRNet's three stages.

    Args:
        memory: of ``width + 2 * growth`` channels.
        width: channels at full resolution.
        growth: additional channels at each coarser resolution.
        blocks: of each resolution, in the encoder and in the decoder.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides multiples of 4, to the same, not clipped.
    """

    def __init__(self, memory: PrototypeMemory, width: int, growth: int, blocks: int) -> None:
        super().__init__()
        widths = [width, width + growth, width + 2 * growth]
        self.head, self.tail = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.encode = nn.ModuleList(_stack(channels, blocks) for channels in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, a + growth, 1, bias=False) for a in widths[:2])
        self.memory = memory
        self.recall = nn.Conv2d(3 * widths[2], widths[2], 1)
        self.middle = _stack(widths[2], blocks)
        self.up = nn.ModuleList(nn.Conv2d(a + growth, a, 1, bias=False) for a in widths[:2])
        self.decode = nn.ModuleList(_stack(channels, blocks) for channels in widths[:2])
        with torch.no_grad():  # begins close to its input
            for parameter in self.tail.parameters():
                parameter.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        now, skips = self.encode[0](self.head(x)), list[Tensor]()
        for down, encode in zip(self.down, self.encode[1:], strict=True):
            skips.append(now)
            now = encode(down(F.avg_pool2d(now, 2)))
        now = self.middle(now + self.recall(self.memory(now)))
        for level in (1, 0):
            larger = F.interpolate(self.up[level](now), scale_factor=2.0, mode="bilinear", align_corners=False)
            now = self.decode[level](skips[level] + larger)
        out: Tensor = x + self.tail(now)
        return out


def _stack(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(AttentionBlock(channels) for _ in range(blocks)))


class MemoryNetOptions(NetworkOptions):
    """A small MemoryNet, at scale 1: :class:`restore.networks.memorynet.MemoryNet`."""

    kind: Literal["memorynet"] = "memorynet"
    width: int = Field(32, ge=4, description="channels at full resolution")
    growth: int = Field(16, ge=0, description="additional channels at each coarser resolution")
    blocks: int = Field(2, ge=1, description="blocks of each resolution, in the encoder and in the decoder")
    classes: int = Field(10, ge=1, description="classes of prototypes in the memory")
    instances: int = Field(2, ge=1, description="instances of each class")
    parts: int = Field(5, ge=1, description="prototypes of each instance")
    shrink: float = Field(0.0025, ge=0, description="shares of prototypes up to this are dropped")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        count = self.classes * self.instances * self.parts
        if self.shrink * count >= 1:
            raise ValueError(
                f"shrink {self.shrink:g} could drop all of the {count} prototypes: set it below {1 / count:g}"
            )
        return self

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        channels = self.width + 2 * self.growth
        memory = PrototypeMemory(channels, self.classes, self.instances, self.parts, self.shrink)
        return MemoryNet(memory, self.width, self.growth, self.blocks)

    def halo(self, scale: int) -> int:
        # Of its convolutions; its channel attention covers the whole input.
        return 2 + (4 * self.blocks + 1) + 2 * (4 * self.blocks + 2) + 4 * (4 * self.blocks + 2)

    def exact_tiles(self) -> bool:
        return False

    def multiple(self, scale: int) -> int:
        return 4
