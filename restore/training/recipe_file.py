"""Reads and writes training recipes; :mod:`restore.utils.yaml_options` reports the line of a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import yaml

from restore.plugins import NO_CODE, Trust, admit
from restore.training.recipe import Recipe
from restore.training.recipe_base import Lineage, read_lineage
from restore.utils.yaml_options import parse_options, validate_options

_EXAMPLE_CHANGE = "train.steps=1000"


def load_recipe(path: Path, changes: Sequence[str] = (), trust: Trust = NO_CODE) -> Recipe:
    """Load a recipe from a YAML file and its bases, and apply changes such as ``train.steps=100``.

    Args:
        path: the file.
        changes: ``key=value``, keys with dots, values in YAML.
        trust: which code may run; its plug-ins are imported first.

    Raises:
        RecipeError: the file cannot be read, is not YAML, or is not a valid recipe.
        PluginError: the recipe names code that is not trusted, or a plug-in fails on import.
    """
    return recipe_of(read_lineage(path), str(path), changes, trust)


def recipe_of(lineage: Lineage, source: str, changes: Sequence[str] = (), trust: Trust = NO_CODE) -> Recipe:
    """The recipe of a file that has been read with its bases; for arguments and errors see :func:`load_recipe`."""
    return validate_options(
        Recipe,
        lineage.values,
        lineage.layers,
        changes,
        example_change=_EXAMPLE_CHANGE,
        prepare=partial(admit, source=source, trust=trust),
    )


def parse_recipe(text: str, source: str, changes: Sequence[str] = (), trust: Trust = NO_CODE) -> Recipe:
    """Parse a recipe from YAML text; error messages refer to it as ``source``."""
    return parse_options(
        Recipe,
        text,
        source,
        changes,
        example="scale: 2",
        example_change=_EXAMPLE_CHANGE,
        prepare=partial(admit, source=source, trust=trust),
    )


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, with all defaults written out."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True, width=100)
