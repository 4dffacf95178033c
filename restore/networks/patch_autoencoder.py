"""A small autoencoder of blocks of pixels, for the transport of :mod:`restore.calibration`."""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.anchored_shuffle import pixel_unshuffle
from restore.networks.base import NetworkOptions
from restore.networks.residual import ResidualBlock

# Red, green and blue to gray and two differences of color; orthonormal.
_COLORS = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))
# How much lower than that of gray a frequency of a color difference must be to be coded.
_COARSER = 2.5


class PatchAutoencoder(nn.Module):
    """Pictures to codes of a half or a quarter of their size, and back, by plain 3x3 convolutions.

    Encoder and decoder are alike: residual blocks at the size of the code, beside a linear map between a block of
    pixels and its code. The linear maps start as a cosine transform without its highest frequencies, and the rest close
    to nothing, so that training begins with blurred pictures and not with noise.

    Args:
        factor: side of a block in pixels.
        channels: values of a block's code, at most the ``3 * factor**2`` that a block has.
        width: channels of the hidden layers.
        blocks: residual blocks of two convolutions each, in the encoder and again in the decoder.

    Raises:
        ValueError: a code would have more values than its block.

    Shape:
        (N, 3, H, W), RGB, 0..1, H and W multiples of ``factor``, to the same, not clipped.
    """

    def __init__(self, factor: int = 4, channels: int = 16, width: int = 32, blocks: int = 3) -> None:
        super().__init__()
        pixels = _values(factor, channels)
        self.factor = factor
        self.block_to_code = nn.Conv2d(pixels, channels, 1)
        self.code_to_block = nn.Conv2d(channels, pixels, 1)
        self.encoder = _convolutions(pixels, width, blocks, channels)
        self.decoder = _convolutions(channels, width, blocks, pixels)
        basis = low_frequencies(factor, channels)
        with torch.no_grad():
            self.block_to_code.weight.copy_(basis[:, :, None, None])
            self.code_to_block.weight.copy_(basis.T[:, :, None, None])
            for linear in (self.block_to_code, self.code_to_block):
                assert linear.bias is not None
                linear.bias.zero_()

    def encode(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), 0..1, to codes (N, channels, H / factor, W / factor)."""
        blocks = pixel_unshuffle(x, self.factor)
        code: Tensor = self.block_to_code(blocks) + self.encoder(blocks)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Codes (N, channels, h, w) to pictures (N, 3, factor * h, factor * w), not clipped."""
        return F.pixel_shuffle(self.code_to_block(code) + self.decoder(code), self.factor)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def _values(factor: int, channels: int) -> int:
    """Values of a block.

    Raises:
        ValueError: its code would have more.
    """
    if channels > 3 * factor**2:
        raise ValueError(
            f"channels: a block of {factor} x {factor} pixels has {3 * factor**2} values, and its code at most as "
            f"many, not {channels}"
        )
    return 3 * factor**2


def _convolutions(inputs: int, width: int, blocks: int, outputs: int) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 3, padding=1)
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(0.1)
    inner = (ResidualBlock(width) for _ in range(blocks))
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), *inner, last)


def low_frequencies(factor: int, channels: int) -> Tensor:
    """Rows (channels, 3 * factor**2) of an orthonormal cosine transform of blocks, lowest frequencies first."""
    place = torch.arange(factor)
    cosines = torch.cos(math.pi / factor * (place + 0.5) * place[:, None]) * math.sqrt(2 / factor)
    cosines[0] /= math.sqrt(2)
    rows = {
        (math.hypot(up, across) * (_COARSER if color else 1), color, up, across): torch.kron(
            torch.tensor(_COLORS[color]), torch.kron(cosines[up], cosines[across])
        )
        for color in range(3)
        for up in range(factor)
        for across in range(factor)
    }
    return torch.stack([rows[order] for order in sorted(rows)[:channels]])


class PatchAutoencoderOptions(NetworkOptions):
    """A picture to its code and back: :class:`restore.networks.patch_autoencoder.PatchAutoencoder`, at scale 1."""

    kind: Literal["patch-autoencoder"] = "patch-autoencoder"
    factor: Literal[2, 4] = Field(
        4, description="side of a block in pixels: the code has a half or a quarter of the size"
    )
    channels: int = Field(16, ge=1, description="values of a block's code, of the 12 or 48 that a block has")
    width: int = Field(32, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    blocks: int = Field(3, ge=0, description="residual blocks of two convolutions, in the encoder and in the decoder")

    @model_validator(mode="after")
    def _codes_a_block(self) -> Self:
        _values(self.factor, self.channels)
        return self

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return PatchAutoencoder(self.factor, self.channels, self.width, self.blocks)

    def halo(self, scale: int) -> int:
        # A pixel at one end of a block sees blocks to either side, and all of their pixels.
        return 2 * (2 * self.blocks + 2) * self.factor + self.factor - 1

    def multiple(self, scale: int) -> int:
        return self.factor
