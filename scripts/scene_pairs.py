"""Write the scenes of an exposure recipe as pairs of files: inputs and targets.

    python scripts/scene_pairs.py RECIPE OUT --data PHOTOGRAPHS

OUT/held/input and OUT/held/target get every usable exposure of the held-out scenes and its scene's reference, under the
same names. OUT/seen/input gets some of the training exposures, for calibration. Existing contents are replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pairs_command
from numpy.typing import NDArray
from PIL import Image

from restore.data.folder import list_photos
from restore.data.lighting.fusion import fuse
from restore.data.lighting.scenes import Scene, find_scenes
from restore.data.sources.base import hold_out
from restore.data.sources.exposures import in_sequence, inputs, usable_scenes
from restore.imaging.decode import read_rgb8
from restore.training.recipe import Recipe

# Every n-th training scene is used for calibration.
_EVERY = 8


def write_pairs(recipe: Recipe, data: Path, out: Path) -> int:
    """Write the pairs; returns the number from held-out scenes."""
    paths = in_sequence(list_photos([data / name for name in recipe.data.exposures]))
    seen, held = hold_out(usable_scenes(find_scenes(paths)), recipe.data.holdout)
    for folder in ("held/input", "held/target", "seen/input"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    count = 0
    for scene in held:
        names, pictures, reference = bettered(scene)
        for name, picture in zip(names, pictures, strict=True):
            Image.fromarray(picture).save(out / "held/input" / f"{name}.png")
            Image.fromarray(reference).save(out / "held/target" / f"{name}.png")
            count += 1
    for scene in seen[::_EVERY]:
        names, pictures, _ = bettered(scene)
        middle = len(names) // 2
        Image.fromarray(pictures[middle]).save(out / "seen/input" / f"{names[middle]}.png")
    return count


def bettered(scene: Scene) -> tuple[Sequence[str], Sequence[NDArray[np.uint8]], NDArray[np.uint8]]:
    """The exposures of a scene to enhance, their names, and their target."""
    paths = scene.usable()
    exposures = [read_rgb8(path) for path in paths]
    reference = fuse(exposures)
    chosen = inputs(exposures, reference)
    # Includes the folder: two sequences may have the same numbers as names.
    names = [f"{path.parent.name}-{path.stem}" for path in paths]
    return [names[i] for i in chosen], [exposures[i] for i in chosen], reference


if __name__ == "__main__":
    pairs_command.run(__doc__, write_pairs)
