"""The command of the scripts that write the pairs of a recipe."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from restore.training.recipe import Recipe
from restore.training.recipe_file import load_recipe


def run(description: str | None, write_pairs: Callable[[Recipe, Path, Path], int]) -> None:
    """Read RECIPE, OUT and --data from the command line, write the pairs, and say how many were held out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders")
    options = parser.parse_args()
    count = write_pairs(load_recipe(options.recipe), options.data, options.out)
    print(f"{count} pairs in {options.out / 'held'}")
