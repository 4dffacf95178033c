"""Interpolate between two published checkpoints of one architecture."""

from __future__ import annotations

from pathlib import Path

import torch

from restore.export.blend_onnx import DifferentError
from restore.networks.third_party_checkpoint import read_weights, recognize

Weights = dict[str, torch.Tensor]


def blend_checkpoints(a: Path, b: Path, alpha: float) -> Weights:
    """Weights between those of two checkpoints, under the names by which spandrel knows them.

    Args:
        a: the checkpoint for ``alpha`` 0.
        b: the checkpoint for ``alpha`` 1.
        alpha: 0..1.

    Raises:
        ModelError: one cannot be read.
        DifferentError: they are of different architectures; says how they differ.
    """
    (name, mine), (other, theirs) = _read(a), _read(b)
    if name != other:
        raise DifferentError(f"{a.name} is {name} and {b.name} is {other}")
    if mine.keys() != theirs.keys():
        only = sorted(mine.keys() ^ theirs.keys())
        raise DifferentError(f"both are {name}, but of different sizes: only one has {only[0]}")
    return {key: _between(mine[key], theirs[key], alpha, f"both are {name}, but {key}") for key in mine}


def _read(path: Path) -> tuple[str, Weights]:
    found = recognize(read_weights(path), str(path))
    return str(found.architecture.name), dict(found.model.state_dict())


def _between(a: torch.Tensor, b: torch.Tensor, alpha: float, where: str) -> torch.Tensor:
    if a.shape != b.shape:
        raise DifferentError(f"{where} is {_sides(a)} in one and {_sides(b)} in the other")
    if alpha in (0, 1):
        return (b if alpha else a).clone()
    if not a.is_floating_point():
        if not torch.equal(a, b):
            raise DifferentError(f"{where}, which is not learned, differs")
        return a.clone()
    mixed = (1 - alpha) * a.double() + alpha * b.double()
    return torch.where(a == b, a.double(), mixed).to(a.dtype)


def _sides(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"
