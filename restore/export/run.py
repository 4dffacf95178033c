"""Export a run, a checkpoint or a third-party network to a verified model file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import ExportError, ModelError
from restore.export.build_model import BuildOptions, BuiltModel, build_fp16, build_model
from restore.export.load_source import ExportSource
from restore.export.twin_path import twin_path
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.utils.atomic_write import write_bytes
from restore.zoo.install import outdated
from restore.zoo.precision import Kind


@dataclass(frozen=True)
class Exported:
    """What was written and how it was verified; ``outdated`` lists twins next to it that are from another training."""

    path: Path
    built: BuiltModel
    outdated: list[Path]


def export(
    source: ExportSource, target: Path, options: BuildOptions | None = None, overwrite: bool = False
) -> Exported:
    """Export a network.

    Args:
        source: the network; see :func:`restore.export.load_source.load_source`.
        target: an ``.onnx`` file, or a folder for one named after the model.
        options: how to build the file.
        overwrite: replace an existing file.

    Raises:
        ExportError: the file would not reproduce the network, or exists; nothing is written.
    """
    options = options or BuildOptions()
    path = _path(target, source.spec, options.precision, overwrite)
    built = build_model(source, options)
    _write(path, built.data, overwrite)
    if options.precision != "fp32":
        return Exported(path, built, [])
    return Exported(path, built, outdated(path, built.spec))


def export_half(source: Path, target: Path | None, options: BuildOptions, overwrite: bool = False) -> Exported:
    """Make the 16-bit twin of a model file, next to it by default; for arguments see :func:`export`.

    Raises:
        ModelError: the file is not float32, or has no metadata.
    """
    spec = file_spec(source)
    if spec.precision != "fp32":
        raise ModelError(f"{source} is {spec.precision}: give the fp32 file")
    path = twin_path(source, target, "fp16")
    refuse_existing(path, overwrite)
    built = build_fp16(source, spec, options.batches)
    _write(path, built.data, overwrite)
    return Exported(path, built, [])


def _path(target: Path, spec: ModelSpec, precision: Kind, overwrite: bool) -> Path:
    ending = ".onnx" if precision == "fp32" else f".{precision}.onnx"
    path = target if target.suffix == ".onnx" else target / f"{spec.name}{ending}"
    refuse_existing(path, overwrite)
    return path


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Check that a file may be written, before the work that makes it.

    Raises:
        ExportError: it exists, and may not be replaced.
    """
    if path.exists() and not overwrite:
        raise ExportError(f"{path} already exists: add --overwrite to replace it")


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data, overwrite=overwrite)
