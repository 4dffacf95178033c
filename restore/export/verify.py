"""Is the ONNX file the network? Run both, at several shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from restore.errors import ExportError
from restore.runtime.model import open_model
from restore.spec import ModelSpec

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Check:
    """The largest difference at one input shape, on the 0..1 scale."""

    shape: tuple[int, int, int, int]
    difference: float


def shapes(spec: ModelSpec) -> list[tuple[int, int, int, int]]:
    """Minimum, odd, not square, a batch, larger: rounded up to the multiple that the network needs."""

    def up(n: int) -> int:
        n = max(n, spec.minimum)
        return n + -n % spec.multiple

    sides = [(1, 1, 1), (1, 31, 31), (1, 24, 57), (2, 33, 20), (1, 130, 64)]
    return [(n, spec.channels, up(h), up(w)) for n, h, w in sides]


def aside(
    spec: ModelSpec, shape: tuple[int, int, int, int], draw: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """What a model takes beside a batch of a shape, drawn at random, in order."""
    count, channels, height, width = shape
    found = {}
    for name in spec.inputs[1:]:
        if name == "thumbnail":
            found[name] = draw.random((count, channels, spec.context, spec.context), dtype=np.float32)
        elif name == "strength":
            found[name] = draw.random(count, dtype=np.float32)
        else:
            found[name] = np.sort(draw.random((count, height if name == "rows" else width), dtype=np.float32))
    return found


@torch.no_grad()
def verify(path: Path, network: nn.Module, tolerance: float = TOLERANCE) -> list[Check]:
    """Compare a model file with the network it was made from.

    The inputs are noise over the whole range and a step edge, drawn from a fixed seed, and so is what else the model
    takes.

    Returns:
        One check for each shape.

    Raises:
        ExportError: they differ by more than ``tolerance`` somewhere, in size or in value.
    """
    model = open_model(path, "cpu")
    network = network.cpu().float().eval()
    draw = np.random.default_rng(0)
    checks = []
    for shape in shapes(model.spec):
        batch = draw.random(shape, dtype=np.float32)
        batch[..., shape[3] // 2 :] = np.round(batch[..., shape[3] // 2 :])
        beside = aside(model.spec, shape, draw)
        wanted = network(*(torch.from_numpy(values) for values in (batch, *beside.values()))).numpy()
        got = model(batch, **beside)
        if got.shape != wanted.shape:
            raise ExportError(f"for an input of {shape} the file gives {got.shape}, the network {wanted.shape}")
        difference = float(np.abs(got - wanted).max())
        if model.spec.kinds:
            believed = network.belief(torch.from_numpy(beside["thumbnail"])).numpy()  # type: ignore[operator]
            difference = max(difference, float(np.abs(model.shares(batch, **beside) - believed).max()))
        checks.append(Check(shape, difference))
        if not difference <= tolerance:  # also catches nan
            raise ExportError(
                f"for an input of {shape} the file and the network differ by {difference:.2e} (limit {tolerance:.0e})"
            )
    return checks
