"""Recipes that come with the package, by name. Each file's first line says what it is for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from restore.errors import RecipeError


@dataclass(frozen=True)
class Shipped:
    """A recipe at hand: its name, its file and what it is for."""

    name: str
    file: Path
    purpose: str


def shipped() -> list[Shipped]:
    """Every recipe of the package, by name."""
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    return [Shipped(f.stem, f, f.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")) for f in files]


def find_recipe(name: str) -> Path:
    """The file of a recipe.

    Args:
        name: of a recipe that comes with the package, or a path. What has an ending or a folder is a path.

    Raises:
        RecipeError: there is none of that name; names the nearest.
    """
    path = Path(name)
    if path.suffix or path.parent != Path() or path.exists():
        return path
    known = {recipe.name: recipe.file for recipe in shipped()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
    raise RecipeError(f"no recipe '{name}': {hint} A recipe of your own is named by its path")
