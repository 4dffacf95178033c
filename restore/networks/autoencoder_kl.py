"""The autoencoder of latent diffusion models, as Stable Diffusion uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-6  # of every GroupNorm


@dataclass(frozen=True)
class KlSizes:
    """How large an :class:`AutoencoderKL` is, and which of its parts it has.

    Attributes:
        widths: channels at each size, from the picture's to the code's; each next size is half of the one before.
        blocks: residual blocks at each size of the encoder; the decoder has one more.
        channels: values of the code at each of its places.
        groups: of every GroupNorm; 32 in all published files. It divides all widths.
        attention: whether the middle of encoder and decoder has attention.
        quantized: whether 1x1 convolutions follow the encoder and precede the decoder; those of Stable Diffusion 3 and
            later have none.
    """

    widths: tuple[int, ...]
    blocks: int
    channels: int
    groups: int = 32
    attention: bool = True
    quantized: bool = True


class AutoencoderKL(nn.Module):
    """Pictures to the means of their codes, and back.

    Rombach, Blattmann, Lorenz, Esser and Ommer, "High-resolution image synthesis with latent diffusion models", CVPR
    2022; the layers and their names are those of diffusers. The encoder gives a mean and a variance for each value of
    the code; here the code is the mean, its most probable value, so that nothing is drawn. It is not multiplied by the
    scaling factor of the diffusion model.

    GroupNorm and attention look at the whole picture.

    Shape:
        (N, 3, H, W), RGB, 0..1, H and W multiples of :attr:`factor`, to the same, not clipped.
    """

    def __init__(self, sizes: KlSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.factor = 2 ** (len(sizes.widths) - 1)
        self.encoder = _Encoder(sizes)
        self.decoder = _Decoder(sizes)
        both = 2 * sizes.channels
        self.quant_conv = nn.Conv2d(both, both, 1) if sizes.quantized else nn.Identity()
        self.post_quant_conv = nn.Conv2d(sizes.channels, sizes.channels, 1) if sizes.quantized else nn.Identity()

    def encode(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), 0..1, to codes (N, channels, H / factor, W / factor)."""
        moments: Tensor = self.quant_conv(self.encoder(2 * x - 1))
        return moments[:, : self.sizes.channels]

    def decode(self, code: Tensor) -> Tensor:
        """Codes (N, channels, h, w) to pictures (N, 3, factor * h, factor * w), not clipped."""
        picture: Tensor = self.decoder(self.post_quant_conv(code))
        return (picture + 1) / 2

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class _Encoder(nn.Module):
    def __init__(self, sizes: KlSizes) -> None:
        super().__init__()
        widths = sizes.widths
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _Down(before, after, sizes.blocks, sizes.groups, after_size < len(widths))
            for after_size, (before, after) in enumerate(pairwise((widths[0], *widths)), 1)
        )
        self.mid_block = _Middle(widths[-1], sizes)
        self.conv_norm_out = _norm(widths[-1], sizes.groups)
        self.conv_out = nn.Conv2d(widths[-1], 2 * sizes.channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        result: Tensor = self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))
        return result


class _Decoder(nn.Module):
    def __init__(self, sizes: KlSizes) -> None:
        super().__init__()
        widths = sizes.widths[::-1]
        self.conv_in = nn.Conv2d(sizes.channels, widths[0], 3, padding=1)
        self.mid_block = _Middle(widths[0], sizes)
        self.up_blocks = nn.ModuleList(
            _Up(before, after, sizes.blocks + 1, sizes.groups, after_size < len(widths))
            for after_size, (before, after) in enumerate(pairwise((widths[0], *widths)), 1)
        )
        self.conv_norm_out = _norm(widths[-1], sizes.groups)
        self.conv_out = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        result: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return result


class _Down(nn.Module):
    def __init__(self, before: int, after: int, blocks: int, groups: int, halves: bool) -> None:
        super().__init__()
        self.resnets = _resnets(before, after, blocks, groups)
        self.downsamplers = nn.ModuleList([_Halve(after)] if halves else [])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class _Up(nn.Module):
    def __init__(self, before: int, after: int, blocks: int, groups: int, doubles: bool) -> None:
        super().__init__()
        self.resnets = _resnets(before, after, blocks, groups)
        self.upsamplers = nn.ModuleList([_Double(after)] if doubles else [])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class _Halve(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))  # at the right and the bottom alone
        return halved


class _Double(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


class _Middle(nn.Module):
    def __init__(self, width: int, sizes: KlSizes) -> None:
        super().__init__()
        self.resnets = _resnets(width, width, 2, sizes.groups)
        self.attentions = nn.ModuleList([_Attention(width, sizes.groups)] if sizes.attention else [])

    def forward(self, x: Tensor) -> Tensor:
        first, last = self.resnets
        x = first(x)
        for attention in self.attentions:
            x = attention(x)
        result: Tensor = last(x)
        return result


class _Resnet(nn.Module):
    def __init__(self, before: int, after: int, groups: int) -> None:
        super().__init__()
        self.norm1 = _norm(before, groups)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm2 = _norm(after, groups)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        change = self.conv1(F.silu(self.norm1(x)))
        change = self.conv2(F.silu(self.norm2(change)))
        result: Tensor = self.conv_shortcut(x) + change
        return result


class _Attention(nn.Module):
    """Self-attention with one head over all places."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = _norm(width, groups)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        count, width, height, across = x.shape
        places = self.group_norm(x).flatten(2).transpose(1, 2)
        queries, keys, values = self.to_q(places), self.to_k(places), self.to_v(places)
        moved = self.to_out[0](F.scaled_dot_product_attention(queries, keys, values))
        result: Tensor = x + moved.transpose(1, 2).reshape(count, width, height, across)
        return result


def _resnets(before: int, after: int, blocks: int, groups: int) -> nn.ModuleList:
    plan: Sequence[int] = (before, *[after] * blocks)
    return nn.ModuleList(_Resnet(a, b, groups) for a, b in pairwise(plan))


def _norm(width: int, groups: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups, width, eps=_EPSILON)
