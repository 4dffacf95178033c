"""Layers that several published networks share. Their attributes have the names of the published weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.05  # of LeakyReLU in IMDN, RFDN and RLFN
# The smallest square of a standard deviation: the gradient of its root is infinite at 0.
_LEAST = 1e-12
# The shortest side that the pooling of SpatialAttention leaves a pixel of.
SHORTEST = 15

Convolution = Callable[..., nn.Module]


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A convolution that pads with zeros and keeps the size if the stride is 1."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


def leaky() -> nn.LeakyReLU:
    """The activation of IMDN, RFDN and RLFN."""
    return nn.LeakyReLU(SLOPE)


def upsampler(width: int, scale: int) -> nn.Sequential:
    """A convolution and a pixel shuffle to RGB."""
    return nn.Sequential(conv(width, 3 * scale**2), nn.PixelShuffle(scale))


class FusedBlocks(nn.Module):
    """Blocks in a row whose results a 1 x 1 convolution fuses, and the enlargement: the frame of IMDN and RFDN.

    Args:
        head: from RGB to features.
        blocks: by their published names.
        width: channels.
        scale: of the pixel shuffle.
    """

    def __init__(self, head: nn.Module, blocks: Mapping[str, nn.Module], width: int, scale: int) -> None:
        super().__init__()
        self.fea_conv = head
        self.names = list(blocks)
        for name, block in blocks.items():
            self.add_module(name, block)
        self.c = nn.Sequential(conv(len(blocks) * width, width, 1), leaky())
        self.LR_conv = conv(width, width)
        self.upsampler = upsampler(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        first = made = self.fea_conv(x)
        results = []
        for name in self.names:
            made = self.get_submodule(name)(made)
            results.append(made)
        enlarged: Tensor = self.upsampler(self.LR_conv(self.c(torch.cat(results, 1))) + first)
        return enlarged


class ContrastAttention(nn.Module):
    """Channel attention by contrast (CCA): scales each channel by its mean and standard deviation over the picture.

    Hui et al., "Lightweight image super-resolution with information multi-distillation network", ACM MM 2019.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 16
        self.conv_du = nn.Sequential(conv(width, inner, 1), nn.ReLU(), conv(inner, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        variance = (x - mean).square().mean((2, 3), keepdim=True)
        weights: Tensor = self.conv_du(variance.clamp_min(_LEAST).sqrt() + mean)
        return x * weights


class SpatialAttention(nn.Module):
    """Enhanced spatial attention (ESA): a map from a strongly reduced picture. Both sides must be 15 or more.

    Liu et al., "Residual feature aggregation network for image super-resolution", CVPR 2020.

    Args:
        width: channels.
        inner: channels inside.
        inside: convolution of the reduced picture, called with channels and, for the strided one, its options.
        strided: the convolution that halves the picture.
        activation: between the convolutions of the reduced picture; None if there is only one, as in RLFN.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        inside: Convolution = conv,
        strided: nn.Module | None = None,
        activation: Callable[[Tensor], Tensor] | None = F.relu,
    ) -> None:
        super().__init__()
        self.conv1, self.conv_f, self.conv4 = conv(width, inner, 1), conv(inner, inner, 1), conv(inner, width, 1)
        self.conv2 = nn.Conv2d(inner, inner, 3, 2) if strided is None else strided
        self.conv3 = inside(inner, inner)
        self._activation = activation
        if activation is not None:
            self.conv_max, self.conv3_ = inside(inner, inner), inside(inner, inner)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.conv1(x)
        small = F.max_pool2d(self.conv2(narrow), 7, 3)
        if self._activation is None:
            small = self.conv3(small)
        else:
            small = self._activation(self.conv_max(small))
            small = self.conv3_(self._activation(self.conv3(small)))
        large = F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(large + self.conv_f(narrow)))
