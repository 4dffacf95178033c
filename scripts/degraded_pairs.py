"""Write pairs of files for a recipe that restores degraded photographs at their size: inputs and targets.

    python scripts/degraded_pairs.py RECIPE OUT --data PHOTOGRAPHS

OUT/held/input and OUT/held/target get the photographs that the recipe holds out, degraded by its chain and as they are,
under the same names. OUT/seen/input gets some of the training photographs, degraded, for calibration. Existing contents
are replaced.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pairs_command
from PIL import Image

from restore.data.folder import list_photos
from restore.data.sources.base import hold_out
from restore.data.sources.degraded import degraded_samples
from restore.training.recipe import Recipe

# Every n-th training photograph is used for calibration.
_EVERY = 8


def write_pairs(recipe: Recipe, data: Path, out: Path) -> int:
    """Write the pairs; returns the number of photographs held out."""
    chain = recipe.data.degradation
    if chain is None or recipe.scale != 1:
        raise SystemExit(f"{recipe.name} does not restore degraded photographs at their size")
    photos = list_photos([data / name for name in recipe.data.train])
    seen, held = hold_out(photos, recipe.data.holdout)
    for folder in ("held/input", "held/target", "seen/input"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    for number, sample in enumerate(degraded_samples(held, 1, recipe.validation.crop, chain, recipe.train.seed)):
        assert sample.high is not None
        Image.fromarray(sample.low).save(out / f"held/input/{number}-{sample.name}.png")
        Image.fromarray(sample.high).save(out / f"held/target/{number}-{sample.name}.png")
    calibration = seen[::_EVERY]
    for number, sample in enumerate(degraded_samples(calibration, 1, recipe.validation.crop, chain, recipe.train.seed)):
        Image.fromarray(sample.low).save(out / f"seen/input/{number}-{sample.name}.png")
    return len(held)


if __name__ == "__main__":
    pairs_command.run(__doc__, write_pairs)
