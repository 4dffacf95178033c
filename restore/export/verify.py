"""Is the ONNX file the network? Run both, at several shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from restore.errors import ExportError
from restore.runtime.model import open_model
from restore.verify.feed import aside, shapes

# As a share of the range.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Check:
    """The largest difference at one input shape, as a share of the range."""

    shape: tuple[int, int, int, int]
    difference: float


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
    draw, spec = np.random.default_rng(0), model.spec
    span = spec.high - spec.low
    checks = []
    for shape in shapes(spec):
        batch = draw.random(shape, dtype=np.float32)
        batch[..., shape[3] // 2 :] = np.round(batch[..., shape[3] // 2 :])
        batch = batch * np.float32(span) + np.float32(spec.low)
        beside = aside(spec, shape, draw)
        wanted = network(*(torch.from_numpy(values) for values in (batch, *beside.values()))).numpy()
        got = model(batch, **beside)
        if got.shape != wanted.shape:
            raise ExportError(f"for an input of {shape} the file gives {got.shape}, the network {wanted.shape}")
        difference = float(np.abs(got - wanted).max()) / span
        if model.spec.kinds:
            tell: Any = network.belief
            believed = tell(torch.from_numpy(beside["thumbnail"])).numpy()
            difference = max(difference, float(np.abs(model.shares(batch, **beside) - believed).max()))
        checks.append(Check(shape, difference))
        if not difference <= tolerance:  # also catches nan
            raise ExportError(
                f"for an input of {shape} the file and the network differ by {difference:.2e} (limit {tolerance:.0e})"
            )
    return checks
