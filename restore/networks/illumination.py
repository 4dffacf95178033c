"""CLIP-LIT's network: estimates the illumination of each pixel and divides the picture by it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions

_SLOPE = 0.2  # of every LeakyReLU
_BINS = (1, 2, 3, 6)
_LEAST = 1e-9  # added to the illumination before division


class IlluminationNet(nn.Module):
    """Estimate a picture's illumination, a map with one channel, and divide the picture by it.

    Liang et al., "Iterative prompt learning for unsupervised backlit image enhancement" (CLIP-LIT), ICCV 2023; RAVE
    (Gaintseva et al., ECCV 2024) trains the same network. It works at full resolution, and a pyramid of averages over
    1, 4, 9 and 36 parts of its input provides global context: with tiles, each is judged separately.

    Two things differ from the released code. All 3 x 3 convolutions mirror at the border, in training and inference;
    there, some pad with zeros in training. The last layer starts at an illumination of 1, which leaves the picture
    unchanged: with a random start, the illumination may be 0 everywhere, and the resulting white pictures have no
    gradient.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides at least 2, to the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = _conv(3, 32)
        self.shallow = nn.Sequential(_Block(32), _Block(32))
        self.pyramid = _Pyramid(32)
        self.wide = nn.Sequential(_conv(32, 64), _Block(64), _Block(64))
        self.deep = nn.Sequential(_conv(64, 32), _Block(32), _Block(32))
        self.tail = _conv(32, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        assert self.tail.bias is not None
        nn.init.ones_(self.tail.bias)

    def illumination(self, x: Tensor) -> Tensor:
        """The illumination, (N, 1, H, W), 0 or more."""
        shallow = self.shallow(F.leaky_relu(self.head(x), _SLOPE))
        deep = self.deep(self.wide(self.pyramid(shallow)))
        with torch.autocast(x.device.type, enabled=False):  # near 1, bf16 has steps of about a hundredth
            return F.relu(self.tail(deep.to(x.dtype)))

    def forward(self, x: Tensor) -> Tensor:
        return (x / (self.illumination(x) + _LEAST)).clamp(0, 1)


class IlluminationOptions(NetworkOptions):
    """CLIP-LIT's and RAVE's network: :class:`restore.networks.illumination.IlluminationNet`, at scale 1."""

    kind: Literal["illumination"] = "illumination"

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return IlluminationNet()

    def halo(self, scale: int) -> int:
        return 17  # of its convolutions; its averages cover the whole input

    def exact_tiles(self) -> bool:
        return False

    def minimum(self) -> int:
        return 2  # needed for mirroring


class _Block(nn.Module):
    """leaky(x + conv(leaky(conv(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _conv(width, width, bias=False), _conv(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.second(F.leaky_relu(self.first(x), _SLOPE)), _SLOPE)


class _Pyramid(nn.Module):
    """Concatenate local features with averages over the surrounding part of the picture, for several part sizes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        share = width // len(_BINS)
        self.levels = nn.ModuleList(nn.Sequential(nn.Conv2d(width, share, 1, bias=False), nn.PReLU()) for _ in _BINS)
        self.join = nn.Sequential(_conv(2 * width, width, bias=False), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        found = [x]
        for bins, level in zip(_BINS, self.levels, strict=True):
            pooled = level(adaptive_average(x, bins))
            found.append(F.interpolate(pooled, size, mode="bilinear", align_corners=True))
        joined: Tensor = self.join(torch.cat(found, dim=1))
        return joined


def adaptive_average(x: Tensor, bins: int) -> Tensor:
    """``F.adaptive_avg_pool2d`` as two matrix products, because the original cannot be exported for any picture size.

    Args:
        x: (N, C, H, W).
        bins: number of parts along each side.

    Returns:
        (N, C, bins, bins).
    """
    return _parts(x, x.shape[-2], bins) @ x @ _parts(x, x.shape[-1], bins).T


def _parts(like: Tensor, length: int, bins: int) -> Tensor:
    """Weights (bins, length) of averages over parts whose ends are rounded outward."""
    part, pixel = torch.arange(bins, device=like.device), torch.arange(length, device=like.device)
    first, last = part * length // bins, ((part + 1) * length + bins - 1) // bins
    inside = (pixel >= first[:, None]) & (pixel < last[:, None])
    return inside.to(like.dtype) / (last - first)[:, None].to(like.dtype)


def _conv(inputs: int, outputs: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias, padding_mode="reflect")
