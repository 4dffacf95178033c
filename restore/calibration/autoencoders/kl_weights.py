"""Read the autoencoder of a latent diffusion model from a file: sizes from the weights' shapes, names of two programs.

Two programs publish the same weights under different names. diffusers (``diffusion_pytorch_model.safetensors`` of
stabilityai/sd-vae-ft-ema and -mse) calls a layer ``decoder.up_blocks.0.resnets.1.conv1``. The original program,
CompVis' latent-diffusion (``vae-ft-mse-840000-ema-pruned.safetensors``, and whole models, with the autoencoder under
``first_stage_model.``) calls it ``decoder.up.3.block.1.conv1``, counting from the other end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from restore.encoders.weights import fit_weights
from restore.errors import ModelError
from restore.networks.autoencoder_kl import AutoencoderKL, KlSizes
from restore.networks.third_party_checkpoint import read_weights
from restore.utils.json_text import parse_json

Weights = dict[str, Tensor]

CONFIG = "config.json"
_WHOLE_MODEL = "first_stage_model."
_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
_GROUPS = 32

# In this order, names of the original program to those of diffusers. Numbers of decoder blocks are turned afterwards.
_RENAMED = (
    (r"^encoder\.down\.(\d+)\.block\.(\d+)\.", r"encoder.down_blocks.\1.resnets.\2."),
    (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
    (r"^decoder\.up\.(\d+)\.block\.(\d+)\.", r"decoder.up_blocks.\1.resnets.\2."),
    (r"^decoder\.up\.(\d+)\.upsample\.", r"decoder.up_blocks.\1.upsamplers.0."),
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"\.norm_out\.", ".conv_norm_out."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
)
# Of the attention: the original program's names, and those of diffusers before 0.12, in which its files are published.
_ATTENTION = (
    (r"(\.attentions\.0\.)norm\.", r"\1group_norm."),
    (r"(\.attentions\.0\.)(?:q|query)\.", r"\1to_q."),
    (r"(\.attentions\.0\.)(?:k|key)\.", r"\1to_k."),
    (r"(\.attentions\.0\.)(?:v|value)\.", r"\1to_v."),
    (r"(\.attentions\.0\.)(?:proj_out|proj_attn)\.", r"\1to_out.0."),
)


def load_kl(path: Path) -> AutoencoderKL:
    """The autoencoder in a file, in evaluation mode.

    Args:
        path: ``.safetensors``, or ``.ckpt``, ``.pt`` or ``.pth`` with nothing but tensors and plain values. If a
            ``config.json`` of diffusers is beside it, the number of groups is read there; it is 32 otherwise.

    Raises:
        ModelError: it cannot be read, or is not such an autoencoder.
    """
    weights = _named_as_diffusers(_of_autoencoder(read_weights(path), path))
    sizes = _sizes(weights, path)
    with torch.device("meta"):
        network = AutoencoderKL(sizes)
    fit_weights(network, weights, path, "autoencoder")
    return network.eval().requires_grad_(False)


def _of_autoencoder(held: Mapping[str, object], path: Path) -> Weights:
    """The weights of the autoencoder alone, under names that begin with ``encoder.`` and so on."""
    inner = held.get("state_dict")
    state = inner if isinstance(inner, Mapping) else held
    named = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    if any(name.startswith(_WHOLE_MODEL) for name in named):
        whole = {name: value for name, value in named.items() if name.startswith(_WHOLE_MODEL)}
        named = {name.removeprefix(_WHOLE_MODEL): value for name, value in whole.items()}
    found = {name: value for name, value in named.items() if name.startswith(_PARTS)}
    if not {"encoder.conv_in.weight", "decoder.conv_in.weight"} <= set(found):
        raise ModelError(
            f"{path}: not an autoencoder of a latent diffusion model: it has no encoder.conv_in and decoder.conv_in. "
            "restore knows AutoencoderKL, such as stabilityai/sd-vae-ft-mse, in the layout of diffusers or of the "
            "original program; give any other as a folder with encoder.onnx and decoder.onnx"
        )
    return found


def _named_as_diffusers(weights: Weights) -> Weights:
    original = any(name.startswith("encoder.down.") for name in weights)
    rules = (*_RENAMED, *_ATTENTION) if original else _ATTENTION
    renamed = {}
    for name, value in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if ".attentions." in name and value.dim() == 4 and value.shape[2:] == (1, 1):
            value = value[:, :, 0, 0]  # a 1x1 convolution is a linear layer
        renamed[name] = value
    if not original:
        return renamed
    last = _count(renamed, r"decoder\.up_blocks\.(\d+)\.") - 1
    return {
        re.sub(r"(?<=decoder\.up_blocks\.)\d+", lambda number: str(last - int(number[0])), name): value
        for name, value in renamed.items()
    }


def _sizes(weights: Weights, path: Path) -> KlSizes:
    """What the shapes say; that all of them fit is checked when the weights are loaded."""
    count = _count(weights, r"encoder\.down_blocks\.(\d+)\.")
    firsts = [weights.get(f"encoder.down_blocks.{block}.resnets.0.conv1.weight") for block in range(count)]
    last = weights.get("encoder.conv_out.weight")
    widths = tuple(first.shape[0] for first in firsts if first is not None and first.dim() == 4)
    colors = weights["encoder.conv_in.weight"].shape[1:2]
    if not widths or len(widths) != count or last is None or last.dim() != 4 or last.shape[0] % 2 or colors != (3,):
        raise ModelError(
            f"{path}: named like an AutoencoderKL, but not one that codes RGB pictures: its layers have other shapes"
        )
    groups = _groups(path)
    if any(width % groups for width in widths):
        raise ModelError(
            f"{path}: layers of {', '.join(map(str, widths))} channels do not divide into {groups} groups: put the "
            f"{CONFIG} that was published with the file beside it, which says norm_num_groups"
        )
    return KlSizes(
        widths=widths,
        blocks=_count(weights, r"encoder\.down_blocks\.0\.resnets\.(\d+)\."),
        channels=last.shape[0] // 2,
        groups=groups,
        attention=any(".mid_block.attentions." in name for name in weights),
        quantized="quant_conv.weight" in weights,
    )


def _count(weights: Weights, pattern: str) -> int:
    """How many different numbers names have at a place."""
    return len({found[1] for name in weights if (found := re.match(pattern, name))})


def _groups(path: Path) -> int:
    """Groups of the norms, which no weight tells."""
    config = path.with_name(CONFIG)
    if not config.is_file():
        return _GROUPS
    try:
        values = parse_json(config.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{config}: cannot be read as JSON ({error}): repair or remove it") from error
    groups = values.get("norm_num_groups", _GROUPS) if isinstance(values, dict) else None
    if type(groups) is not int or groups < 1:
        raise ModelError(f"{config}: norm_num_groups is {groups!r}, not a number of groups: repair or remove it")
    return groups
