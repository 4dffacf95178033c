"""Put a model into a folder of models."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from restore.atomic import write_bytes
from restore.errors import ModelError
from restore.zoo.find import shipped_folder
from restore.zoo.precision import precision_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
# Files of these names are devices on Windows, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def check_name(name: str) -> str:
    """A name that is one file's and one folder's on every system.

    Raises:
        ModelError: it is not, or means something else here; says why.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ModelError(
            f"--name {name!r}: a model's name is of letters, digits and . _ + -, 80 at most, and begins with a letter "
            "or digit"
        )
    if name.split(".")[0].lower() in _DEVICES:
        raise ModelError(f"--name {name}: on Windows a file of this name is a device")
    if name.lower().endswith(".onnx") or precision_of(Path(f"{name}.onnx")) != "fp32":
        raise ModelError(f"--name {name}: leave out the ending, it says what kind of file it is")
    if (shipped_folder() / name).is_dir():
        raise ModelError(f"--name {name}: a shipped model has this name; choose another")
    return name


def name_of(path: Path) -> str:
    """A name for what is in a file, made of the file's."""
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", path.stem).strip("-._+")[:80]
    return plain.rstrip(".") or "imported"


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
