"""The network of the package ``lpips``, with its backbone read from a local file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from restore.encoders.torchvision_nets import Name, TorchvisionFeatures
from restore.encoders.weights import read_weights
from restore.errors import MissingExtraError, ModelError

Net = Literal["alex", "vgg"]

_BACKBONES: dict[Net, tuple[Name, str]] = {"alex": ("alexnet", "relu5"), "vgg": ("vgg16", "relu5_3")}
_URL = "https://pypi.org/project/lpips/"


def lpips_network(net: Net = "alex", weights: Path | None = None) -> nn.Module:
    """``lpips.LPIPS(net=net)``, version 0.1, in evaluation mode; nothing is downloaded.

    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018. The package's
    constructor would download the backbone; here its weights come from a local file. The calibration of the channels
    is the package's own. Where all channels of a layer are 0, the gradient of the package's square root is NaN, but
    the ReLU before it passes no gradient there, so that the picture's gradient stays finite.

    Args:
        net: the backbone: ``alex``, which the paper recommends as a metric, or ``vgg``, the usual choice as a loss.
        weights: torchvision's file of the backbone; None for torch hub's cache.

    Returns:
        A module of two batches (N, 3, H, W), sides of at least 32 pixels, to (N, 1, 1, 1); called with
        ``normalize=True`` it takes RGB on 0..1, otherwise on -1..1.

    Raises:
        MissingWeightsError: the backbone's file is missing.
        MissingExtraError: the package lpips is not installed.
        ModelError: a file is damaged.
    """
    name, last = _BACKBONES[net]
    backbone = TorchvisionFeatures(name, (last,), weights).layers.state_dict()
    try:
        import lpips
    except ModuleNotFoundError as error:
        raise MissingExtraError("LPIPS", "metrics", error.name or "lpips") from error
    with warnings.catch_warnings(), torch.device("meta"):  # without drawing half a gigabyte of random weights
        warnings.simplefilter("ignore")  # the package uses an argument that torchvision deprecates
        network: Any = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    network.scaling_layer = lpips.ScalingLayer()
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    heads = read_weights(file, f"LPIPS {net!r}", _URL)
    try:
        # The package numbers the backbone's layers as torchvision does: "slice2.5.weight" is "features.5.weight".
        slices = {key: backbone[key.split(".", 1)[1]] for key in network.net.state_dict()}
        network.net.load_state_dict(slices, assign=True)
        network.load_state_dict(heads, strict=False, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"LPIPS {net!r}: the weights do not fit the installed lpips: reinstall it") from error
    done: nn.Module = network.requires_grad_(False).eval()
    return done
