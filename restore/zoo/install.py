"""Put a model into a folder of models."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from restore.errors import ModelError
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.utils.atomic_write import write_bytes
from restore.utils.text import name_fault
from restore.zoo.find import shipped_folder
from restore.zoo.precision import family


def check_name(name: str) -> str:
    """A name that a model can be given here.

    Raises:
        ModelError: it cannot be a file's, or means something else here; says why.
    """
    if fault := name_fault(name):
        raise ModelError(f"--name {fault}")
    if (shipped_folder() / name).is_dir():
        raise ModelError(f"--name {name}: a shipped model has this name; choose another")
    return name


def place(name: str, folder: Path, overwrite: bool) -> Path:
    """Where a model of a name goes.

    Raises:
        ModelError: the name cannot be one, or is taken.
    """
    path = folder / check_name(name) / f"{name}.onnx"
    if path.exists() and not overwrite:
        raise ModelError(f"{path} exists already: add --overwrite to replace it, or --name for another name")
    return path


def install(path: Path, data: bytes, overwrite: bool) -> None:
    """Write a model's file where :func:`place` said; its folder does not stay behind if that fails."""
    there = path.parent.is_dir()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_bytes(path, data, overwrite=overwrite)
    except FileExistsError as error:
        raise ModelError(f"{path} appeared meanwhile: add --overwrite to replace it") from error
    except OSError:
        if not there:
            with suppress(OSError):
                path.parent.rmdir()
        raise


def outdated(path: Path, spec: ModelSpec) -> list[Path]:
    """The twins beside a float32 file that were made of another, as of one that it replaced.

    Args:
        path: the file.
        spec: what it says.
    """
    twins = [twin for kind, twin in family(path).items() if kind != "fp32" and twin != path]
    return [twin for twin in twins if not _of(twin, spec)]


def _of(twin: Path, spec: ModelSpec) -> bool:
    try:
        return file_spec(twin).trained_as == spec.trained_as
    except ModelError:  # whatever it is
        return False
