"""Small networks of published architectures, with weights of their own, as spandrel builds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn


def _esrgan(**options: Any) -> nn.Module:
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(num_filters=8, num_blocks=1, **options)


def _compact() -> nn.Module:
    from spandrel.architectures.Compact import Compact

    return Compact(num_feat=8, num_conv=2, upscale=2)


def _span() -> nn.Module:
    from spandrel.architectures.SPAN import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2)


def _swinir() -> nn.Module:
    from spandrel.architectures.SwinIR import SwinIR

    options = {"img_size": 16, "window_size": 4, "embed_dim": 12, "depths": [2], "num_heads": [2], "mlp_ratio": 2}
    return SwinIR(upscale=2, upsampler="pixelshuffledirect", **options)


def _hat() -> nn.Module:
    from spandrel.architectures.HAT import HAT

    options = {"img_size": 16, "window_size": 4, "embed_dim": 12, "depths": [2], "num_heads": [2], "mlp_ratio": 2}
    return HAT(upscale=2, upsampler="pixelshuffle", squeeze_factor=4, **options)


def _dat() -> nn.Module:
    from spandrel.architectures.DAT import DAT

    # The third block shifts its windows.
    options = {"img_size": 16, "split_size": [4, 8], "embed_dim": 32, "depth": [3], "num_heads": [2]}
    return DAT(upscale=2, upsampler="pixelshuffledirect", expansion_factor=2.0, **options)


def _drct() -> nn.Module:
    from spandrel.architectures.DRCT import DRCT

    options = {"img_size": 16, "window_size": 4, "embed_dim": 12, "depths": [6], "num_heads": [2], "gc": 4}
    return DRCT(upscale=2, upsampler="pixelshuffle", **options)


def _atd() -> nn.Module:
    from spandrel.architectures.ATD import ATD

    options = {"img_size": 16, "window_size": 16, "embed_dim": 12, "depths": [2], "num_heads": [2], "num_tokens": 8}
    return ATD(upscale=2, upsampler="pixelshuffledirect", mlp_ratio=1, **options)


def _rgt() -> nn.Module:
    from spandrel.architectures.RGT import RGT

    options = {"img_size": 16, "split_size": [4, 8], "embed_dim": 32, "depth": [4], "num_heads": [2]}
    return RGT(upscale=2, mlp_ratio=2.0, **options)


def _nafnet() -> nn.Module:
    from spandrel.architectures.NAFNet import NAFNet

    network = NAFNet(width=8, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):  # which are 0 at first: blocks that do nothing
            nn.init.normal_(parameter, std=0.5)
    return network


def _safmn() -> nn.Module:
    from spandrel.architectures.SAFMN import SAFMN

    return SAFMN(dim=8, n_blocks=2, upscaling_factor=2)


def _rcan() -> nn.Module:
    from spandrel.architectures.RCAN import RCAN

    return RCAN(n_resgroups=1, n_resblocks=2, n_feats=8, scale=2, reduction=4)


def _plksr() -> nn.Module:
    from spandrel.architectures.PLKSR import RealPLKSR

    return RealPLKSR(dim=8, n_blocks=2, upscaling_factor=2, kernel_size=5)


def _dncnn() -> nn.Module:
    from spandrel.architectures.DnCNN import DnCNN

    return DnCNN(in_nc=1, out_nc=1, nc=8, nb=4, act_mode="BR")


PUBLISHED: dict[str, Callable[[], nn.Module]] = {
    "rrdb-x4": lambda: _esrgan(scale=4),
    "rrdb-x2-unshuffled": lambda: _esrgan(in_nc=12, scale=2, shuffle_factor=2),
    "compact": _compact,
    "span": _span,
    "swinir": _swinir,
    "hat": _hat,
    "dat": _dat,
    "drct": _drct,
    "atd": _atd,
    "rgt": _rgt,
    "nafnet": _nafnet,
    "safmn": _safmn,
    "rcan": _rcan,
    "plksr": _plksr,
    "gray-dncnn": _dncnn,
}


def build(kind: str, seed: int = 0) -> nn.Module:
    """A network whose result lies near 0..1, as a trained one's does."""
    torch.manual_seed(seed)
    network = PUBLISHED[kind]().eval()
    if kind == "span":  # it works on 0..255 inside and learns to come back
        with torch.no_grad():
            for parameter in network.upsampler.parameters():
                parameter.mul_(1 / 60)
    return network


def save(network: nn.Module, path: Path, key: str = "params_ema") -> Path:
    """As its authors publish it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(network.state_dict(), str(path))
    else:
        torch.save({key: network.state_dict()}, path)
    return path
