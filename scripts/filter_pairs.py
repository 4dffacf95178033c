"""Write pairs of files for a filter-removal recipe: filtered photographs and their originals.

    python scripts/filter_pairs.py RECIPE OUT --data PHOTOGRAPHS --testsets TESTSETS

OUT/held/input and OUT/held/target get photographs not used in training, each under several filters, and their originals
under the same names. OUT/seen/input gets some of the training photographs under filters, for calibration. Existing
contents are replaced.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from filter_card import held_out
from PIL import Image

from restore.data.filters.library import find_filter
from restore.data.filters.options import DEFAULT_NAMES
from restore.data.folder import list_photos
from restore.data.sources.base import hold_out
from restore.imaging.decode import read_rgb8
from restore.training.recipe import Recipe
from restore.training.recipe_file import load_recipe

# Number of filters for each held-out photograph, and number of training photographs.
_FILTERS, _SEEN = 3, 64


def main() -> None:
    """Write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders")
    parser.add_argument("--testsets", required=True, type=Path, help="folder of Kodak24")
    options = parser.parse_args()
    count = write_pairs(load_recipe(options.recipe), options.data, options.testsets, options.out)
    print(f"{count} pairs in {options.out / 'held'}")


def write_pairs(recipe: Recipe, data: Path, testsets: Path, out: Path) -> int:
    """Write the pairs; returns the number from held-out photographs."""
    for folder in ("held/input", "held/target", "seen/input"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    names, count = list(DEFAULT_NAMES), 0
    for number, photo in enumerate(held_out(recipe, data, testsets)):
        for name in (names[(_FILTERS * number + i) % len(names)] for i in range(_FILTERS)):
            Image.fromarray(find_filter(name)(photo)).save(out / f"held/input/{number:02}-{name}.png")
            Image.fromarray(photo).save(out / f"held/target/{number:02}-{name}.png")
            count += 1
    seen, _ = hold_out(list_photos([data / name for name in recipe.data.train]), recipe.data.holdout)
    for number, path in enumerate(seen[:: max(1, len(seen) // _SEEN)][:_SEEN]):
        under = find_filter(names[number % len(names)])(read_rgb8(path))
        Image.fromarray(under).save(out / f"seen/input/{number:02}.png")
    return count


if __name__ == "__main__":
    main()
