"""A network as a model file that was proved: measured after each step, run beside the network, held to its promises."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx
from pydantic import ValidationError

from restore.errors import ExportError, ModelError
from restore.export.fidelity import Fidelity, Step
from restore.export.fp16 import to_half
from restore.export.load_source import Source
from restore.export.parity import Compared, verify
from restore.export.quantise import Batch
from restore.export.to_onnx import OPSET, describe, to_onnx
from restore.runtime.model import open_model
from restore.spec import ModelSpec, fault_of
from restore.verify.check import Check, described, failures
from restore.verify.graphs import weights_digest
from restore.verify.run import verify_file

# What rounding to 16 bits at each layer may add up to on noise, as a share of the range; pictures are measured in dB.
_HALF_TOLERANCE = 2e-2
# More than any rounding leaves: equal.
_EQUAL_DB = 200.0


@dataclass(frozen=True)
class How:
    """How a file is made.

    Attributes:
        precision: ``fp32``, or ``fp16`` with float32 inputs and outputs.
        shape: batch, height and width, for a file that takes no others; None for all.
        opset: version of ONNX's operators.
        batches: patches to measure on; None for some made by formula.
    """

    precision: Literal["fp32", "fp16"] = "fp32"
    shape: tuple[int, int, int] | None = None
    opset: int = OPSET
    batches: Sequence[Batch] = ()


@dataclass(frozen=True)
class Made:
    """A file's bytes, and how it was proved.

    Attributes:
        data: the bytes.
        spec: what they say of themselves.
        steps: PSNR to the network after each step.
        compared: with the network, or the float32 file, at several shapes.
        checks: of what the file promises.
    """

    data: bytes
    spec: ModelSpec
    steps: list[Step]
    compared: list[Compared]
    checks: list[Check]


def make_model(source: Source, how: How | None = None) -> Made:
    """Make a model file of a network, in memory.

    Raises:
        ExportError: it cannot be exported so, or the file would not be the network or keep its promises.
    """
    how = how or How()
    spec = fitted(source.spec, how.shape)
    fidelity = Fidelity(source.network, spec, how.batches)
    model = to_onnx(source.network, spec, how.opset, fidelity.watch)
    spec = spec.but(weights=weights_digest(model))
    tolerance = source.tolerance
    if how.precision == "fp16":
        model = to_half(model, spec)
        fidelity.measure("fp16", model, "fp16")
        tolerance = max(tolerance, _HALF_TOLERANCE)
    measured = {"psnr_to_network_db": round(min(_EQUAL_DB, fidelity.steps[-1].psnr), 1)}
    spec = spec.but(precision=how.precision, measured=measured)
    describe(model, spec)
    data = model.SerializeToString()
    compared, checks = prove(data, lambda trial: verify(trial, source.network, tolerance))
    return Made(data, spec, fidelity.steps, compared, checks)


def half_of(path: Path, spec: ModelSpec, batches: Sequence[Batch]) -> Made:
    """The 16-bit twin of a float32 model file, measured against that.

    Args:
        path: the file.
        spec: what it says of itself.
        batches: patches to measure on.

    Raises:
        ExportError: it loses too much, or nothing of it can be had in 16 bits.
    """
    wide = onnx.load(path)
    fidelity = Fidelity(wide, spec, batches)
    model = to_half(wide, spec)
    value = fidelity.measure("fp16", model, "fp16")
    done = spec.but(precision="fp16", measured={"psnr_to_fp32_db": round(min(_EQUAL_DB, value), 1)})
    describe(model, done)
    data = model.SerializeToString()
    compared, checks = prove(data, lambda trial: verify(trial, open_model(path, "cpu"), _HALF_TOLERANCE))
    return Made(data, done, fidelity.steps, compared, checks)


def fitted(spec: ModelSpec, shape: tuple[int, int, int] | None) -> ModelSpec:
    """A spec for one shape; None for what it says.

    Raises:
        ExportError: the network does not take it.
    """
    try:
        return spec.but(shape=shape or spec.shape)
    except ValidationError as error:
        raise ExportError(f"{spec.name}: {fault_of(error)}") from error


def prove(data: bytes, compare: Callable[[Path], list[Compared]]) -> tuple[list[Compared], list[Check]]:
    """Check bytes as a file, for a moment.

    Raises:
        ExportError: it does not pass.
    """
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.onnx")
        trial.write_bytes(data)
        try:
            compared = compare(trial)
            checks = list(verify_file(trial))
        except ModelError as error:
            if not str(error).startswith(f"{trial}: "):
                raise
            # The file will be gone when the user reads its name.
            raise ExportError(f"what was made cannot be run: {str(error).removeprefix(f'{trial}: ')}") from error
    if bad := failures(checks):
        raise ExportError(f"the file does not keep what it promises: {described(bad)}")
    return compared, checks
