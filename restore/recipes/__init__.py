"""The included recipes, by name. The first line of each file states its purpose."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from restore.errors import RecipeError
from restore.utils.json_types import JsonObject


@dataclass(frozen=True)
class Shipped:
    """An included recipe: its name, file and purpose."""

    name: str
    file: Path
    purpose: str

    def losses(self) -> list[str]:
        """Short descriptions of its losses: the kind, color space, objective and encoder."""
        import yaml

        losses = yaml.safe_load(self.file.read_text(encoding="utf-8")).get("losses", [{"kind": "l1"}])
        return [" ".join(_words(loss)) for loss in losses]


def _words(loss: JsonObject) -> Iterator[str]:
    yield loss["kind"]
    if "space" in loss:
        yield f"on {loss['space']}"
    if "objective" in loss:
        yield f"by {loss['objective']['kind']}"
    if "encoder" in loss:
        yield f"in features of {loss['encoder']['kind']}"


def shipped() -> list[Shipped]:
    """All included recipes, sorted by name."""
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    return [Shipped(f.stem, f, f.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")) for f in files]


def find_recipe(name: str) -> Path:
    """Find the file of a recipe.

    Args:
        name: of an included recipe, or a path. Names with a suffix or a folder are paths.

    Raises:
        RecipeError: there is no such recipe; suggests the closest name.
    """
    path = Path(name)
    if path.suffix or path.parent != Path() or path.exists():
        return path
    known = {recipe.name: recipe.file for recipe in shipped()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else f"available: {', '.join(known)}."
    raise RecipeError(f"no recipe '{name}': {hint} Give your own recipe by its path")
