"""The velocity of a rectified flow: a small U-Net that is told the time."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.anchored_shuffle import pixel_unshuffle
from restore.networks.base import NetworkOptions

# The network works at half the picture's sides, and in its middle at a quarter.
_UNSHUFFLE, _MULTIPLE = 2, 4
# Sines and cosines of the time, and numbers that are made of them.
_WAVES, _CODE = 16, 64
# Fastest of the waves: radians from time 0 to time 1.
_FASTEST = 100.0


class TimedBlock(nn.Module):
    """x + conv(relu(gain conv(x) + shift)): a residual block whose gains and shifts depend on the time.

    Shape:
        x (N, C, H, W) and a code of the time (N or 1, ``_CODE``) to (N, C, H, W).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.modulate = nn.Linear(_CODE, 2 * width)
        with torch.no_grad():  # close to the identity at every time
            for part, share in ((self.second, 0.3), (self.modulate, 0.1)):
                for parameter in part.parameters():
                    parameter.mul_(share)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        gain, shift = self.modulate(code)[:, :, None, None].chunk(2, dim=1)
        out: Tensor = x + self.second(F.relu(self.first(x) * (1 + gain) + shift))
        return out


class VelocityNet(nn.Module):
    """A U-Net of two resolutions whose blocks are modulated by an embedding of the time.

    It sees only a neighborhood of each pixel, without means over the picture and without attention, so that tiles give
    what the whole picture gives. The embedding of the time by sines and cosines is that of Vaswani et al., "Attention
    is all you need", 2017, as in the networks of diffusion models.

    Args:
        width: channels at half of the picture's sides; twice as many at a quarter.
        blocks: at half of the sides, before and after the middle each.
        middle: blocks at a quarter.

    Shape:
        - x: (N, 3, H, W), a picture on its way, RGB, about 0..1, both sides multiples of 4.
        - time: (N,) or (1,), 0..1.
        - result: (N, 3, H, W), how the picture changes in a unit of time.
    """

    def __init__(self, width: int = 48, blocks: int = 1, middle: int = 2) -> None:
        super().__init__()
        self.register_buffer("waves", _FASTEST ** torch.linspace(0, 1, _WAVES), persistent=False)
        self.code = nn.Sequential(nn.Linear(2 * _WAVES, _CODE), nn.SiLU(), nn.Linear(_CODE, _CODE), nn.SiLU())
        self.head = nn.Conv2d(3 * _UNSHUFFLE**2, width, 3, padding=1)
        self.before, self.after = (nn.ModuleList(TimedBlock(width) for _ in range(blocks)) for _ in range(2))
        self.down, self.up = nn.Conv2d(width, 2 * width, 2, stride=2), nn.Conv2d(2 * width, 4 * width, 1)
        self.middle = nn.ModuleList(TimedBlock(2 * width) for _ in range(middle))
        self.last = nn.Conv2d(width, 3 * _UNSHUFFLE**2, 3, padding=1)
        with torch.no_grad():  # velocities are small
            for parameter in self.last.parameters():
                parameter.mul_(0.1)

    waves: Tensor

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        angles = time[:, None] * self.waves
        code = self.code(torch.cat((angles.sin(), angles.cos()), dim=1))
        now = self.head(pixel_unshuffle(x, _UNSHUFFLE))
        for block in self.before:
            now = block(now, code)
        coarse = self.down(now)
        for block in self.middle:
            coarse = block(coarse, code)
        now = now + F.pixel_shuffle(self.up(coarse), 2)
        for block in self.after:
            now = block(now, code)
        return F.pixel_shuffle(self.last(now), _UNSHUFFLE)


class VelocityOptions(NetworkOptions):
    """The velocity of a rectified flow, for recipes with ``flow``: :class:`restore.networks.velocity.VelocityNet`."""

    kind: Literal["velocity"] = "velocity"
    width: int = Field(48, ge=4, description="channels at half of the sides, doubled at a quarter")
    blocks: int = Field(1, ge=0, description="residual blocks at half of the sides, before and after the middle each")
    middle: int = Field(2, ge=0, description="residual blocks at a quarter of the sides")

    def build(self, scale: int) -> nn.Module:
        # The flow is on pictures of the result's size, whatever the scale.
        return VelocityNet(self.width, self.blocks, self.middle)

    def takes_time(self) -> bool:
        return True

    def halo(self, scale: int) -> int:
        # In pixels of the result. A pixel at one end of a square sees squares to either side, and all of their pixels.
        half = 2 + 4 * self.blocks + 2 * (2 * self.middle) + 1
        return half * _UNSHUFFLE + _UNSHUFFLE - 1

    def multiple(self, scale: int) -> int:
        return _MULTIPLE
