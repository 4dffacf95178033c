"""Recipes that come with the package, by name. Each file's first line says what it is for."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restore.errors import RecipeError


@dataclass(frozen=True)
class Shipped:
    """A recipe at hand: its name, its file and what it is for."""

    name: str
    file: Path
    purpose: str

    def losses(self) -> list[str]:
        """What it is trained with, in a few words each: the loss, and the features and the objective it is taken in."""
        import yaml

        losses = yaml.safe_load(self.file.read_text(encoding="utf-8")).get("losses", [{"kind": "l1"}])
        return [" ".join(_words(loss)) for loss in losses]


def _words(loss: dict[str, Any]) -> Iterator[str]:
    yield loss["kind"]
    if "space" in loss:
        yield f"on {loss['space']}"
    if "objective" in loss:
        yield f"by {loss['objective']['kind']}"
    if "encoder" in loss:
        yield f"in features of {loss['encoder']['kind']}"


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
