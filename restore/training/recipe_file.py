"""Training recipes as files; where one is wrong is told by :mod:`restore.utils.yaml_options`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import yaml

from restore.plugins import NO_CODE, Trust, admit
from restore.training.recipe import Recipe
from restore.utils.yaml_options import parse_options, read_text


def load_recipe(path: Path, changes: Sequence[str] = (), trust: Trust = NO_CODE) -> Recipe:
    """A recipe from a YAML file, with changes such as ``train.steps=100`` applied.

    Args:
        path: the file.
        changes: ``key=value``, keys with dots, values in YAML.
        trust: which code may run; its plug-ins are imported first.

    Raises:
        RecipeError: the file cannot be read, is not YAML, or says something that a recipe cannot.
        PluginError: the recipe names code that is not trusted, or a plug-in fails on import.
    """
    return parse_recipe(read_text(path), str(path), changes, trust)


def parse_recipe(text: str, source: str, changes: Sequence[str] = (), trust: Trust = NO_CODE) -> Recipe:
    """The same from the text itself; ``source`` is what messages call it."""
    return parse_options(
        Recipe,
        text,
        source,
        changes,
        example="scale: 2",
        example_change="train.steps=1000",
        prepare=partial(admit, source=source, trust=trust),
    )


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, every default spelt out."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True, width=100)
