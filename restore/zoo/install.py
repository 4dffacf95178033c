"""Install a model in a folder of models."""

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
    """Check the name of a model to install.

    Raises:
        ModelError: it is not a valid file name, or is taken by an included model.
    """
    if fault := name_fault(name):
        raise ModelError(f"--name {fault}")
    if (shipped_folder() / name).is_dir():
        raise ModelError(f"--name {name}: an included model has this name; choose another")
    return name


def place(name: str, folder: Path, overwrite: bool) -> Path:
    """The path at which to install a model.

    Raises:
        ModelError: the name is invalid or taken.
    """
    path = folder / check_name(name) / f"{name}.onnx"
    if path.exists() and not overwrite:
        raise ModelError(f"{path} already exists: add --overwrite to replace it, or choose another --name")
    return path


def install(path: Path, data: bytes, overwrite: bool) -> None:
    """Write a model's file at the path from :func:`place`; a new folder is removed if that fails."""
    there = path.parent.is_dir()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_bytes(path, data, overwrite=overwrite)
    except FileExistsError as error:
        raise ModelError(f"{path} was created meanwhile: add --overwrite to replace it") from error
    except OSError:
        if not there:
            with suppress(OSError):
                path.parent.rmdir()
        raise


def outdated(path: Path, spec: ModelSpec) -> list[Path]:
    """The twins next to a float32 file that were made from another one, for example one that it replaced.

    Args:
        path: the file.
        spec: the file's metadata.
    """
    twins = [twin for kind, twin in family(path).items() if kind != "fp32" and twin != path]
    return [twin for twin in twins if not _of(twin, spec)]


def _of(twin: Path, spec: ModelSpec) -> bool:
    try:
        return file_spec(twin).trained_as == spec.trained_as
    except ModelError:  # not a model at all
        return False
