"""Find a model by name or path."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from restore.errors import ModelError
from restore.utils.user_folders import data_folder
from restore.zoo.precision import Kind, family

# More folders of models, like models/ here: one folder a model. Separated as in PATH.
SEARCH_VARIABLE = "RESTORE_MODELS"


@dataclass(frozen=True)
class Entry:
    """A model at hand: its name, and its file, beside its card and recipe."""

    name: str
    file: Path

    @property
    def files(self) -> dict[Kind, Path]:
        """All its files by precision: twins of 8 or 16 bits are part of it, not models of their own."""
        return family(self.file)


def shipped_folder() -> Path:
    """Where the shipped models are: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parents[1] / "models"


def named_folders() -> list[Path]:
    """The folders that the environment variable names, in order."""
    return [Path(p) for p in os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep) if p]


def platform_folder() -> Path:
    """The user's folder of models, where this system keeps data."""
    return data_folder() / "models"


def user_folder() -> Path:
    """Where models are imported to: the first folder that the environment variable names, else the platform's."""
    return next(iter(named_folders()), platform_folder())


def entries() -> list[Entry]:
    """Every model that has a name, the user's folders first; a name found twice counts once."""
    found: dict[str, Entry] = {}
    for folder in [*named_folders(), platform_folder(), shipped_folder()]:
        for file in sorted(folder.glob("*/*.onnx")):
            if file.stem == file.parent.name:
                found.setdefault(file.stem, Entry(file.stem, file))
    return sorted(found.values(), key=lambda entry: entry.name)


def find(name: str) -> Path:
    """The file of a model.

    Args:
        name: of a model at hand, or a path to an ONNX file.

    Raises:
        ModelError: there is none; names the nearest.
    """
    if name.lower().endswith(".onnx") or os.sep in name or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        return path
    known = {entry.name: entry.file for entry in entries()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known) or 'none'}"
    raise ModelError(
        f"no model named '{name}'; {hint} ('restore models' lists them; a path to an .onnx file works too)"
    )
