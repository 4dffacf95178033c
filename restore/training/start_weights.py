"""The weights that a run starts from: those of another run, or of a model file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from restore.errors import ModelError
from restore.runtime.model import file_spec
from restore.training.checkpoint import LAST, Checkpoint, fit
from restore.zoo.find import find


@dataclass(frozen=True)
class StartWeights:
    """Weights by parameter, and text that identifies where they are from."""

    tensors: dict[str, Tensor]
    description: str


def start_file(given: Path) -> Path:
    """The file that ``--start`` names: a run's last checkpoint, a checkpoint, or a model by name or path.

    Raises:
        ModelError: no model has that name.
    """
    if given.is_dir():
        return given / LAST
    if given.exists() or given.suffix or given.name != str(given):
        return given
    return find(str(given))


def load_start(given: Path, network: nn.Module, others: Iterable[nn.Module]) -> str:
    """Start from trained weights; a part that their network lacks, such as a gate, keeps its initial ones.

    Args:
        given: see :func:`start_file`.
        network: the network to be trained.
        others: copies of it that get the same weights.

    Returns:
        Text that identifies where the weights are from.

    Raises:
        ModelError: they cannot be read, or do not fit.
    """
    file = start_file(given)
    start = read_start(file, network)
    weights = {**network.state_dict(), **start.tensors}
    for module in (network, *others):
        fit(module, weights, file)
    return start.description


def read_start(file: Path, network: nn.Module) -> StartWeights:
    """Read the weights to start a network from.

    Args:
        file: a checkpoint, or an fp32 ``.onnx`` file that restore exported.
        network: the network to be trained.

    Raises:
        ModelError: the file cannot be read, or its graph holds weights in another form than they are trained in.
    """
    if file.suffix.lower() == ".onnx":
        return _of_model(file, network)
    checkpoint = Checkpoint(file)
    return StartWeights(checkpoint.result(), checkpoint.describe())


def _of_model(file: Path, network: nn.Module) -> StartWeights:
    spec = file_spec(file)
    if spec.precision != "fp32":
        raise ModelError(f"{file} is {spec.precision}: start from the fp32 file that it was made of")
    data = file.read_bytes()
    # Networks that export wraps have their names below `network`. Weights in other files are never looked for.
    held = {
        value.name.removeprefix("network."): value
        for value in onnx.load_from_string(data).graph.initializer
        if value.data_location != onnx.TensorProto.EXTERNAL
    }
    parts = {name.partition(".")[0] for name in held}
    tensors: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        if name in held:
            tensors[name] = torch.from_numpy(numpy_helper.to_array(held[name]).copy()).to(parameter.dtype)
        elif name.partition(".")[0] in parts:
            raise ModelError(
                f"{file}: has no weights named {name}, so it is a model of another network, or its graph keeps them in "
                "another form than they are trained in. Start from the run that it was exported from"
            )
    if not tensors:
        raise ModelError(f"{file}: has none of the network's weights: it is a model of another network")
    before = f", begun with {spec.start}" if spec.start else ""
    digest = hashlib.sha256(data).hexdigest()
    return StartWeights(tensors, f"the model {spec.name} (file's SHA-256 {digest}){before}")
