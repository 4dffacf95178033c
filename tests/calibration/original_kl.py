"""A small AutoencoderKL as CompVis' latent-diffusion names and computes it, written apart from the one in restore."""

from __future__ import annotations

import re

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]


def original_weights(
    widths: tuple[int, ...] = (32, 64),
    blocks: int = 1,
    channels: int = 4,
    attention: bool = True,
    quantized: bool = True,
    seed: int = 0,
) -> Weights:
    """Random weights under the original program's names."""
    draw = torch.Generator().manual_seed(seed)
    found: Weights = {}

    def conv(name: str, inputs: int, outputs: int, side: int = 3) -> None:
        found[f"{name}.weight"] = torch.randn(outputs, inputs, side, side, generator=draw) / (inputs * side**2) ** 0.5
        found[f"{name}.bias"] = torch.randn(outputs, generator=draw) / 10

    def norm(name: str, width: int) -> None:
        found[f"{name}.weight"] = 1 + torch.randn(width, generator=draw) / 10
        found[f"{name}.bias"] = torch.randn(width, generator=draw) / 10

    def block(name: str, inputs: int, outputs: int) -> None:
        norm(f"{name}.norm1", inputs)
        conv(f"{name}.conv1", inputs, outputs)
        norm(f"{name}.norm2", outputs)
        conv(f"{name}.conv2", outputs, outputs)
        if inputs != outputs:
            conv(f"{name}.nin_shortcut", inputs, outputs, 1)

    def middle(part: str) -> None:
        for number in (1, 2):
            block(f"{part}.mid.block_{number}", widths[-1], widths[-1])
        if attention:
            norm(f"{part}.mid.attn_1.norm", widths[-1])
            for name in ("q", "k", "v", "proj_out"):
                conv(f"{part}.mid.attn_1.{name}", widths[-1], widths[-1], 1)

    conv("encoder.conv_in", 3, widths[0])
    now = widths[0]
    for level, width in enumerate(widths):
        for number in range(blocks):
            block(f"encoder.down.{level}.block.{number}", now, width)
            now = width
        if level < len(widths) - 1:
            conv(f"encoder.down.{level}.downsample.conv", now, now)
    middle("encoder")
    norm("encoder.norm_out", now)
    conv("encoder.conv_out", now, 2 * channels)
    conv("decoder.conv_in", channels, now)
    middle("decoder")
    for level in reversed(range(len(widths))):
        for number in range(blocks + 1):
            block(f"decoder.up.{level}.block.{number}", now, widths[level])
            now = widths[level]
        if level:
            conv(f"decoder.up.{level}.upsample.conv", now, now)
    norm("decoder.norm_out", now)
    conv("decoder.conv_out", now, 3)
    if quantized:
        conv("quant_conv", 2 * channels, 2 * channels, 1)
        conv("post_quant_conv", channels, channels, 1)
    return found


class Original:
    """What the original program computes with such weights."""

    def __init__(self, weights: Weights, widths: int = 2, groups: int = 32) -> None:
        self.weights, self.levels, self.groups = weights, widths, groups

    def mode(self, x: Tensor) -> Tensor:
        """Means of the codes of pictures on -1..1."""
        x = self._conv("encoder.conv_in", x)
        for level in range(self.levels):
            x = self._blocks(f"encoder.down.{level}.block", x)
            if level < self.levels - 1:
                padded = F.pad(x, (0, 1, 0, 1))
                x = self._conv(f"encoder.down.{level}.downsample.conv", padded, stride=2, padding=0)
        x = self._conv("encoder.conv_out", F.silu(self._norm("encoder.norm_out", self._middle("encoder", x))))
        moments = self._conv("quant_conv", x) if "quant_conv.weight" in self.weights else x
        return moments.chunk(2, dim=1)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Pictures on -1..1."""
        x = self._conv("post_quant_conv", code) if "post_quant_conv.weight" in self.weights else code
        x = self._middle("decoder", self._conv("decoder.conv_in", x))
        for level in reversed(range(self.levels)):
            x = self._blocks(f"decoder.up.{level}.block", x)
            if level:
                x = self._conv(f"decoder.up.{level}.upsample.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        return self._conv("decoder.conv_out", F.silu(self._norm("decoder.norm_out", x)))

    def _conv(self, name: str, x: Tensor, stride: int = 1, padding: int | None = None) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        around = weight.shape[2] // 2 if padding is None else padding
        return F.conv2d(x, weight, self.weights[f"{name}.bias"], stride, around)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        grouped = x.reshape(x.shape[0], self.groups, -1)
        variance, mean = torch.var_mean(grouped, dim=2, keepdim=True, correction=0)
        normal = ((grouped - mean) / torch.sqrt(variance + 1e-6)).reshape(x.shape)
        scale, shift = (self.weights[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        return normal * scale + shift

    def _block(self, name: str, x: Tensor) -> Tensor:
        change = self._conv(f"{name}.conv1", F.silu(self._norm(f"{name}.norm1", x)))
        change = self._conv(f"{name}.conv2", F.silu(self._norm(f"{name}.norm2", change)))
        return change + (self._conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def _blocks(self, name: str, x: Tensor) -> Tensor:
        number = 0
        while f"{name}.{number}.conv1.weight" in self.weights:
            x = self._block(f"{name}.{number}", x)
            number += 1
        return x

    def _middle(self, part: str, x: Tensor) -> Tensor:
        x = self._block(f"{part}.mid.block_1", x)
        if f"{part}.mid.attn_1.q.weight" in self.weights:
            normal = self._norm(f"{part}.mid.attn_1.norm", x)
            q, k, v = (self._conv(f"{part}.mid.attn_1.{name}", normal).flatten(2) for name in "qkv")
            shares = torch.einsum("ncq,nck->nqk", q, k).div(q.shape[1] ** 0.5).softmax(2)
            moved = torch.einsum("nqk,nck->ncq", shares, v).reshape(x.shape)
            x = x + self._conv(f"{part}.mid.attn_1.proj_out", moved)
        return self._block(f"{part}.mid.block_2", x)


def as_diffusers(weights: Weights, levels: int = 2, old: bool = False) -> Weights:
    """The same weights under the names of diffusers, or of diffusers before 0.12."""
    attention = {"norm": "group_norm", "q": "query", "k": "key", "v": "value", "proj_out": "proj_attn"}
    if not old:
        attention |= {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
    renamed = {}
    for name, value in weights.items():
        part, *words = name.split(".")
        match words:
            case ["down", level, "block", number, *rest]:
                words = ["down_blocks", level, "resnets", number, *rest]
            case ["down", level, "downsample", *rest]:
                words = ["down_blocks", level, "downsamplers", "0", *rest]
            case ["up", level, "block", number, *rest]:
                words = ["up_blocks", str(levels - 1 - int(level)), "resnets", number, *rest]
            case ["up", level, "upsample", *rest]:
                words = ["up_blocks", str(levels - 1 - int(level)), "upsamplers", "0", *rest]
            case ["mid", "attn_1", layer, kind]:
                words = ["mid_block", "attentions", "0", attention[layer], kind]
                value = value.flatten(1) if value.dim() == 4 else value
            case ["mid", block, *rest]:
                words = ["mid_block", "resnets", str(int(block[-1]) - 1), *rest]
            case ["norm_out", kind]:
                words = ["conv_norm_out", kind]
        renamed[re.sub("nin_shortcut", "conv_shortcut", ".".join([part, *words]))] = value.contiguous()
    return renamed
