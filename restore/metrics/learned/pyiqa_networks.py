"""MUSIQ, MANIQA and TOPIQ: networks of the package pyiqa with weights from the user's files."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from restore.encoders.weights import fit_weights, hub_file, read_weights
from restore.errors import MissingPackageError
from restore.metrics.learned.tensor import to_tensor
from restore.utils.json_types import JsonObject

_STORE = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main"
_LICENCE = "PolyForm Noncommercial 1.0.0"


@dataclass(frozen=True)
class _Network:
    """A network of pyiqa, as its metric of the same name builds it.

    Attributes:
        module: in ``pyiqa.archs``.
        kind: name of the class there.
        file: of the published weights.
        options: of the class.
        smallest: pixels that each side needs.
    """

    module: str
    kind: str
    file: str
    options: JsonObject = field(default_factory=dict)
    smallest: int = 32


_TOPIQ = {"semantic_model_name": "resnet50", "model_name": "cfanet_nr_koniq_res50", "use_ref": False}
NETWORKS = {
    "musiq": _Network("musiq_arch", "MUSIQ", "musiq_koniq_ckpt-e95806b9.pth"),
    "maniqa": _Network("maniqa_arch", "MANIQA", "ckpt_koniq10k.pt", {"train_dataset": "koniq", "scale": 0.8}, 224),
    "topiq": _Network("topiq_arch", "CFANet", "cfanet_nr_koniq_res50-9a73138b.pth", _TOPIQ, 64),
}


class PyIqa:
    """Scores pictures without a reference, by networks trained on KonIQ-10k; higher is better.

    Ke et al., "MUSIQ: multi-scale image quality transformer", ICCV 2021; Yang et al., "MANIQA: multi-dimension
    attention network for no-reference image quality assessment", CVPR workshops 2022; Chen et al., "TOPIQ: a top-down
    approach from semantics to distortions for image quality assessment", TIP 2024. The networks are pyiqa's.

    Args:
        weights: a checkpoint as pyiqa publishes it, or the same tensors as ``.safetensors``; None for the file in
            pyiqa's cache.
        network: name in :data:`NETWORKS`, which is the metric's.
        options: of the network's class, for checkpoints of other sizes.

    Raises:
        MissingPackageError: pyiqa is not installed.
        MissingWeightsError: there are no weights; nothing is downloaded.
        ModelError: the file is damaged or for another network.
    """

    def __init__(self, weights: Path | None = None, *, network: str, **options: object) -> None:
        known = NETWORKS[network]
        purpose, url = f"metric '{network}'", f"{_STORE}/{known.file}"
        path = _cached(url) if weights is None else weights
        state = read_weights(path, purpose, url, key="params")
        kind = network_class(network)
        with offline():
            self._network: nn.Module = kind(pretrained=False, **known.options, **options)
        fit_weights(self._network, {key.removeprefix("module."): value for key, value in state.items()}, path, purpose)
        self._network.eval()
        self._smallest = known.smallest

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8]) -> float:
        """Score an RGB picture (H, W, 3).

        Raises:
            ValueError: it is too small.
        """
        return float(self._network(to_tensor(image, self._smallest)))


def _cached(url: str) -> Path:
    file = hub_file(url)
    return file.parents[1] / "pyiqa" / file.name


def network_class(name: str) -> type[nn.Module]:
    """The class of a network.

    Args:
        name: in :data:`NETWORKS`.

    Raises:
        MissingPackageError: pyiqa is not installed.
    """
    network = NETWORKS[name]
    try:
        with redirect_stdout(StringIO()):  # its dependencies greet
            found: type[nn.Module] = getattr(importlib.import_module(f"pyiqa.archs.{network.module}"), network.kind)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pyiqa":
            raise
        raise MissingPackageError(f"the metric '{name}'", "pyiqa", _LICENCE) from error
    return found


@contextmanager
def offline() -> Iterator[None]:
    """Let the networks build their backbones without fetching weights, which those of the file replace anyway."""
    names = vars(importlib.import_module("timm"))  # as pyiqa's modules find it
    create = names["create_model"]

    def create_without_weights(*names: object, **options: object) -> object:
        return create(*names, **{**options, "pretrained": False})

    names["create_model"] = create_without_weights
    try:
        yield
    finally:
        names["create_model"] = create
