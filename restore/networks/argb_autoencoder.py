"""The translating autoencoder of aRGB: maps RGB to a space in which a point encodes a color and its surroundings."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions

_SLOPE = 0.2  # of every LeakyReLU


class TranslatingAutoencoder(nn.Module):
    """Embed each RGB pixel with a mixture of experts, and decode it with a linear map.

    Lee, Park, Baik and Lee, "Rethinking RGB color representation for image restoration models", ICML 2024.

    A router looks at 7 x 7 pixels and picks one of the experts for each pixel; the expert looks at 9 x 9. The gate does
    not multiply the expert's output, so the router learns only from the balance term. Only the chosen expert is
    evaluated at a pixel.

    Args:
        experts: 20 in the paper.
        channels: of the embedding, a multiple of 4; 128 in the paper. The inner layers scale with it.

    Shape:
        (N, 3, H, W), RGB, 0..1, to (N, channels, H, W).
    """

    def __init__(self, experts: int = 20, channels: int = 128) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.router = nn.Sequential(
            nn.Conv2d(3, half, 3, padding=1),
            nn.LeakyReLU(_SLOPE),
            *_routing(half, channels, 3),
            *_routing(channels, 2 * channels, 3),
            *_routing(2 * channels, 4 * channels, 1),
            nn.Conv2d(4 * channels, experts, 1),
        )
        self.experts = nn.ModuleList(_expert(quarter, half, channels) for _ in range(experts))
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.Conv2d(half, quarter, 1, bias=False), nn.Conv2d(quarter, 3, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x, self.gates(x))

    def gates(self, x: Tensor) -> Tensor:
        """The router's probabilities, (N, experts, H, W)."""
        logits: Tensor = self.router(x)
        return logits.softmax(dim=1)

    def embed(self, x: Tensor, gates: Tensor) -> Tensor:
        """The embedding; each pixel's is computed by the expert with the largest gate."""
        n, _, height, width = x.shape
        choice = gates.argmax(dim=1)
        if torch.compiler.is_exporting():  # a graph has no control flow that depends on values
            made = [_whole(expert, x) for expert in self.experts]
            result = made[0]
            for number, other in enumerate(made[1:], 1):
                result = torch.where((choice == number)[:, None], other, result)
            return result
        pixels, rows = [], []
        for number, expert in enumerate(self.experts):
            chosen = choice == number
            if chosen.any():
                pixels.append(chosen.flatten().nonzero()[:, 0])
                rows.append(_evaluate(expert, x, chosen))
        order = torch.cat(pixels).argsort()
        return torch.cat(rows)[order].view(n, height, width, -1).permute(0, 3, 1, 2)

    def decode(self, embedding: Tensor) -> Tensor:
        """Decode an embedding to a picture (N, 3, H, W), not clipped; linear up to an offset."""
        picture: Tensor = self.decoder(embedding)
        return picture


def _routing(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(_SLOPE)


def _expert(*widths: int) -> nn.ModuleList:
    """Four 3 x 3 convolutions, with a LeakyReLU between them."""
    plan = (3, *widths, widths[-1])
    return nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(plan))


def _whole(expert: nn.Module, x: Tensor) -> Tensor:
    """An expert's embedding of whole pictures (N, 3, H, W)."""
    for i, conv in enumerate(expert.children()):
        x = conv(F.leaky_relu(x, _SLOPE) if i else x)
    return x


def _evaluate(expert: nn.Module, x: Tensor, chosen: Tensor) -> Tensor:
    """An expert's embedding, only at the chosen pixels.

    Each convolution is a matrix product over the 3 x 3 neighborhoods of the pixels that the next one reads: the chosen
    ones, dilated by one pixel per layer. The result equals convolving the whole picture with zero padding.

    Args:
        expert: the convolutions, in order.
        x: (N, 3, H, W).
        chosen: (N, H, W), boolean.

    Returns:
        (chosen pixels, channels), in the order of ``chosen.nonzero()``.
    """
    convs = [conv for conv in expert.children() if isinstance(conv, nn.Conv2d)]
    needed = [chosen]
    for _ in convs[1:]:
        needed.insert(0, F.max_pool2d(needed[0].to(x.dtype), 3, stride=1, padding=1) > 0)
    rows, places = x.permute(0, 2, 3, 1).flatten(0, 2), torch.ones_like(chosen)
    for i, (conv, wanted) in enumerate(zip(convs, needed, strict=True)):
        rows = F.leaky_relu(rows, _SLOPE) if i else rows
        rows = _convolve(conv, rows, places, wanted)
        places = wanted
    return rows


def _convolve(conv: nn.Conv2d, rows: Tensor, places: Tensor, wanted: Tensor) -> Tensor:
    """A 3 x 3 convolution at the ``wanted`` pixels, of features that are given at ``places`` and zero elsewhere.

    Args:
        conv: 3 x 3, padded like the picture.
        rows: (pixels in ``places``, inputs), in the order of ``places.nonzero()``.
        places: (N, H, W), boolean.
        wanted: the same.

    Returns:
        (pixels in ``wanted``, outputs).
    """
    width = places.shape[2] + 2
    row_of = places.new_full(F.pad(places, (1, 1, 1, 1)).shape, len(rows), dtype=torch.long)
    row_of[:, 1:-1, 1:-1][places] = torch.arange(len(rows), device=rows.device)
    steps = torch.arange(-1, 2, device=rows.device)
    neighbors = (steps[:, None] * width + steps).flatten()
    centers = F.pad(wanted, (1, 1, 1, 1)).flatten().nonzero()
    padded = torch.cat((rows, rows.new_zeros(1, rows.shape[1])))
    patches = padded[row_of.flatten()[centers + neighbors]].flatten(1)
    weight = conv.weight.permute(0, 2, 3, 1).flatten(1)
    return F.linear(patches, weight, conv.bias)


class Reconstruction(nn.Module):
    """Encode and decode: the autoencoder as a network that a recipe can train.

    Shape:
        (N, 3, H, W), 0..1, to the same, not clipped.
    """

    def __init__(self, experts: int = 20, channels: int = 128) -> None:
        super().__init__()
        self.autoencoder = TranslatingAutoencoder(experts, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.autoencoder.decode(self.autoencoder(x))


class TranslatingOptions(NetworkOptions):
    """aRGB's autoencoder: :class:`restore.networks.argb_autoencoder.Reconstruction`, at scale 1."""

    kind: Literal["translating"] = "translating"
    experts: int = Field(20, ge=1, description="each pixel goes through one of them")
    width: int = Field(128, ge=4, multiple_of=4, description="channels of the embedding")

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return Reconstruction(self.experts, self.width)

    def halo(self, scale: int) -> int:
        return 4
