"""LPIPS, the learned perceptual metric, as a loss."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.torchvision_nets import Name, TorchvisionFeatures
from restore.encoders.weights import read_weights
from restore.errors import MissingExtraError
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

_URL = "https://pypi.org/project/lpips/"

_BACKBONES: dict[str, tuple[Name, tuple[str, ...]]] = {
    "alex": ("alexnet", ("relu1", "relu2", "relu3", "relu4", "relu5")),
    "vgg": ("vgg16", ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")),
}


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity, averaged over pictures; 0 is best.

    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, version 0.1. At
    each of five layers the features get unit length, their squared differences are weighted by channel and averaged
    over positions, and the layers are summed. The channels' weights are those of the package ``lpips``; the package
    itself is not run, since it downloads the backbone.

    Args:
        net: ``alex``, which the paper reports as a metric, or ``vgg``, which is the usual loss.
        weights: torchvision's file of the backbone; None for torch hub's folder.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, sides of at least 32, to a scalar. The gradient goes into both. It
        is computed in float32.

    Raises:
        MissingWeightsError: the backbone's file is not there.
        MissingExtraError: lpips is not installed.
        ModelError: a file is broken.
    """

    def __init__(self, net: Literal["alex", "vgg"] = "alex", weights: Path | None = None) -> None:
        super().__init__()
        name, taps = _BACKBONES[net]
        self.encoder = TorchvisionFeatures(name, taps, weights)
        heads = read_weights(_heads_file(net), f"LPIPS {net!r}", _URL)
        for i in range(len(taps)):
            self.register_buffer(f"head{i}", heads[f"lin{i}.model.1.weight"], persistent=False)

    @full_precision
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        distances = []
        for i, (a, b) in enumerate(zip(self.encoder(output), self.encoder(target), strict=True)):
            difference = F.normalize(a, dim=1, eps=1e-10) - F.normalize(b, dim=1, eps=1e-10)
            distances.append(F.conv2d(difference.square(), self.get_buffer(f"head{i}")).mean())
        return torch.stack(distances).sum()


def _heads_file(net: str) -> Path:
    spec = find_spec("lpips")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("LPIPS", "train", "lpips")
    return Path(spec.submodule_search_locations[0]) / "weights" / "v0.1" / f"{net}.pth"


class LpipsOptions(LossOptions):
    """:class:`restore.losses.lpips.LPIPS`."""

    kind: Literal["lpips"] = "lpips"
    net: Literal["alex", "vgg"] = Field("alex", description="the backbone, with the linear heads learned for it")
    weights: Path | None = Field(None, description="torchvision's file of the backbone; null for torch hub's folder")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(LPIPS(self.net, self.weights))
