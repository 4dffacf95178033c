"""Weights from local files. Nothing is downloaded, and no code in a file is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from restore.errors import MissingWeightsError, ModelError


def hub_file(url: str) -> Path:
    """Where torch.hub, and so torchvision, would keep a downloaded file."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def read_weights(path: Path, purpose: str, url: str, key: str | None = None) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file or of a state dict saved by torch, on the CPU.

    Args:
        path: the file.
        purpose: what needs it, for the messages.
        url: where it is published, for the messages.
        key: under which some files hold the state dict; files without it are the state dict themselves.

    Raises:
        MissingWeightsError: there is no such file.
        ModelError: it cannot be read, or holds something else.
    """
    if not path.is_file():
        raise MissingWeightsError(purpose, path, url)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and safetensors each have their own
        raise ModelError(
            f"{purpose}: {path} is not a readable file of weights ({_first_line(error)}). Download it again from {url}"
        ) from error
    inner = state.get(key) if key is not None and isinstance(state, Mapping) else None
    found: object = inner if isinstance(inner, Mapping) else state
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{purpose}: {path} holds no state dict (names and tensors). It should be the file {url}")
    return dict(found)


def fit_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path, purpose: str) -> None:
    """Load ``state`` into ``network``, all of it, as float32. A network on the meta device is materialized.

    Raises:
        ModelError: a name or a shape does not fit.
    """
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        problem = str(error).splitlines()[1].strip()
        raise ModelError(f"{purpose}: the weights in {path} belong to another network. {problem}") from error
    network.float()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
