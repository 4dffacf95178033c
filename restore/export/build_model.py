"""Build a verified model file: measured after each step, compared with the network, checked against its metadata."""

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
from restore.export.load_source import ExportSource
from restore.export.parity import Compared, verify
from restore.export.quantize import Batch
from restore.export.to_onnx import OPSET, describe, to_onnx
from restore.runtime.model import open_model
from restore.spec import ModelSpec, fault_of
from restore.verify.check import Check, described, failures
from restore.verify.graphs import weights_digest
from restore.verify.run import RUN_SECONDS, verify_file

# Allowed accumulated rounding error in 16 bits on noise, as a share of the range; on pictures, PSNR is measured.
_HALF_TOLERANCE = 2e-2
# Higher than any rounding error yields: equal.
_EQUAL_DB = 200.0


@dataclass(frozen=True)
class BuildOptions:
    """How to build a file.

    Attributes:
        precision: ``fp32``, or ``fp16`` with float32 inputs and outputs.
        shape: batch, height and width of a file with a fixed shape; None for dynamic shapes.
        opset: ONNX opset version.
        batches: patches to measure on; if empty, synthetic ones.
    """

    precision: Literal["fp32", "fp16"] = "fp32"
    shape: tuple[int, int, int] | None = None
    opset: int = OPSET
    batches: Sequence[Batch] = ()


@dataclass(frozen=True)
class BuiltModel:
    """A file's bytes, and the results of verifying it.

    Attributes:
        data: the bytes.
        spec: the file's metadata.
        steps: PSNR to the network after each step.
        compared: differences from the network, or the float32 file, at several shapes.
        checks: of the file against its metadata.
    """

    data: bytes
    spec: ModelSpec
    steps: list[Step]
    compared: list[Compared]
    checks: list[Check]


def build_model(source: ExportSource, options: BuildOptions | None = None) -> BuiltModel:
    """Build a model file from a network, in memory.

    Raises:
        ExportError: it cannot be exported like this, or the file would differ from the network or its metadata.
    """
    options = options or BuildOptions()
    spec = fitted(source.spec, options.shape)
    fidelity = Fidelity(source.network, spec, options.batches)
    model = to_onnx(source.network, spec, options.opset, fidelity.watch)
    spec = spec.but(weights=weights_digest(model))
    tolerance = source.tolerance
    if options.precision == "fp16":
        model = to_half(model, spec)
        fidelity.measure("fp16", model, "fp16")
        tolerance = max(tolerance, _HALF_TOLERANCE)
    measured = {"psnr_to_network_db": round(min(_EQUAL_DB, fidelity.steps[-1].psnr), 1)}
    spec = spec.but(precision=options.precision, measured=measured)
    describe(model, spec)
    data = model.SerializeToString()
    compared, checks = prove(data, lambda trial: verify(trial, source.network, tolerance))
    return BuiltModel(data, spec, fidelity.steps, compared, checks)


def build_fp16(path: Path, spec: ModelSpec, batches: Sequence[Batch]) -> BuiltModel:
    """Build the 16-bit twin of a float32 model file, measured against it.

    Args:
        path: the file.
        spec: the file's metadata.
        batches: patches to measure on.

    Raises:
        ExportError: it loses too much, or nothing in it can be converted to 16 bits.
    """
    wide = onnx.load(path)
    fidelity = Fidelity(wide, spec, batches)
    model = to_half(wide, spec)
    value = fidelity.measure("fp16", model, "fp16")
    done = spec.but(precision="fp16", measured={"psnr_to_fp32_db": round(min(_EQUAL_DB, value), 1)})
    describe(model, done)
    data = model.SerializeToString()
    compared, checks = prove(data, lambda trial: verify(trial, open_model(path, "cpu"), _HALF_TOLERANCE))
    return BuiltModel(data, done, fidelity.steps, compared, checks)


def fitted(spec: ModelSpec, shape: tuple[int, int, int] | None) -> ModelSpec:
    """A spec with a fixed shape; None keeps the spec's own.

    Raises:
        ExportError: the network does not accept the shape.
    """
    try:
        return spec.but(shape=shape or spec.shape)
    except ValidationError as error:
        raise ExportError(f"{spec.name}: {fault_of(error)}") from error


def prove(
    data: bytes, compare: Callable[[Path], list[Compared]], run_seconds: float = RUN_SECONDS
) -> tuple[list[Compared], list[Check]]:
    """Check a file's bytes by way of a temporary file.

    Args:
        data: the file.
        compare: compares it with what it was made from.
        run_seconds: a run of the model that takes longer fails its check.

    Raises:
        ExportError: a check fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.onnx")
        trial.write_bytes(data)
        try:
            compared = compare(trial)
            checks = list(verify_file(trial, run_seconds=run_seconds))
        except ModelError as error:
            if not str(error).startswith(f"{trial}: "):
                raise
            # The temporary file is deleted before the user could look at it.
            raise ExportError(f"the exported model cannot be run: {str(error).removeprefix(f'{trial}: ')}") from error
    if bad := failures(checks):
        raise ExportError(f"the file does not match its metadata: {described(bad)}")
    return compared, checks
