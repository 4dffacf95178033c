"""Find a model by name or path."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from restore.errors import ModelError
from restore.utils.user_folders import data_folder
from restore.zoo.precision import Kind, family

# Additional folders of models, laid out like models/ here: one folder per model. Separated as in PATH.
SEARCH_VARIABLE = "RESTORE_MODELS"


@dataclass(frozen=True)
class Entry:
    """An available model: its name and file. The card and recipe are next to the file."""

    name: str
    file: Path

    @property
    def files(self) -> dict[Kind, Path]:
        """Its files by precision: 8-bit and 16-bit twins belong to the model and are not models of their own."""
        return family(self.file)


def shipped_folder() -> Path:
    """Folder of the included models: inside an installed package, or next to it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parents[1] / "models"


def named_folders() -> list[Path]:
    """The folders in the environment variable, in order."""
    return [Path(p) for p in os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep) if p]


def platform_folder() -> Path:
    """The user's folder of models, in the platform's data folder."""
    return data_folder() / "models"


def user_folder() -> Path:
    """Folder for imported models: the first in the environment variable, else the platform's."""
    return next(iter(named_folders()), platform_folder())


def entries() -> list[Entry]:
    """All named models; if a name occurs several times, the user's folders take precedence."""
    found: dict[str, Entry] = {}
    for folder in [*named_folders(), platform_folder(), shipped_folder()]:
        for file in sorted(folder.glob("*/*.onnx")):
            if file.stem == file.parent.name:
                found.setdefault(file.stem, Entry(file.stem, file))
    return sorted(found.values(), key=lambda entry: entry.name)


def find(name: str) -> Path:
    """Find the file of a model.

    Args:
        name: of an available model, or a path to an ONNX file.

    Raises:
        ModelError: there is none; suggests the closest name, or to fetch it if the catalogue in the cache has it.
    """
    if not name:
        raise ModelError("the name of the model is empty: 'restore models' lists the names")
    if name.lower().endswith(".onnx") or os.sep in name or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        return path
    known = {entry.name: entry.file for entry in entries()}
    if name in known:
        return known[name]
    from restore.online.hint import hint as online

    if fetched := online(name):
        raise ModelError(f"no model named '{name}' here; {fetched}")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"available: {', '.join(known) or 'none'}"
    raise ModelError(
        f"no model named '{name}'; {hint} ('restore models' lists them; a path to an .onnx file works too)"
    )
