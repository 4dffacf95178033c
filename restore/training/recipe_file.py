"""Training recipes as files; where one is wrong is told by :mod:`restore.utils.yaml_options`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from restore.training.recipe import Recipe
from restore.utils.yaml_options import parse_options, read_text


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """A recipe from a YAML file, with changes such as ``train.steps=100`` applied.

    Raises:
        RecipeError: the file cannot be read, is not YAML, or says something that a recipe cannot.
    """
    return parse_recipe(read_text(path), str(path), changes)


def parse_recipe(text: str, source: str, changes: Sequence[str] = ()) -> Recipe:
    """The same from the text itself; ``source`` is what messages call it."""
    return parse_options(Recipe, text, source, changes, example="scale: 2", example_change="train.steps=1000")


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, every default spelt out."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True, width=100)
