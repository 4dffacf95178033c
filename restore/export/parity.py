"""Check that an ONNX file reproduces its network, by running both at several shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from restore.errors import ModelError, SizesError
from restore.export.inference import asking
from restore.runtime.model import Model, open_model
from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.feed import aside, shapes

# As a share of the range.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Compared:
    """The largest difference at one input shape, as a share of the range."""

    shape: tuple[int, int, int, int]
    difference: float


def verify(path: Path, network: nn.Module | Model, tolerance: float = TOLERANCE) -> list[Compared]:
    """Compare a model file with the network, or the float32 file, that it was made from.

    The inputs are noise over the whole range, a step edge and a black band, from a fixed seed, with less contrast if
    the network's results are far beyond the range. Further inputs are random too. Class probabilities are compared if
    the model classifies.

    Returns:
        One comparison per shape.

    Raises:
        SizesError: at some shape the sizes differ, the values differ by more than ``tolerance``, or the file fails.
    """
    model = open_model(path, "cpu")
    draw, spec = np.random.default_rng(0), model.spec
    ask, wanted = asking(model, spec), asking(network, spec)
    span = spec.high - spec.low
    compared = []
    for shape in shapes(spec):
        batch = draw.random(shape, dtype=np.float32)
        batch[..., shape[3] // 2 :] = np.round(batch[..., shape[3] // 2 :])
        batch[:, :, : shape[2] // 4] = 0
        values, beside = batch * np.float32(span) + np.float32(spec.low), aside(spec, shape, draw)
        try:
            for less in less_and_less(values, spec.low, spec.high):
                given = {"input": less, **beside}
                if is_bearable((should := wanted(given)).output, spec.low, spec.high):
                    break
            got = ask(given)
        except ModelError as error:
            raise SizesError(f"for an input of {shape}: {error}") from error
        if got.output.shape != should.output.shape:
            raise SizesError(
                f"for an input of {shape} the file returns {got.output.shape}, the network {should.output.shape}"
            )
        difference = got.apart(should, span)
        compared.append(Compared(shape, difference))
        if not difference <= tolerance:
            raise SizesError(
                f"for an input of {shape} the file and the network differ by {difference:.2e} (limit {tolerance:.0e})"
            )
    return compared
