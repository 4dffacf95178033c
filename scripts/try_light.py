"""Test the unpaired recipes for light: learn to brighten photos without ever seeing a pair.

    python scripts/try_light.py rave --exposures FOLDER [--steps 600]
    python scripts/try_light.py clip-lit-latent --exposures FOLDER

FOLDER has exposure sequences, such as those of SICE. Every eighth scene is reserved as a pair for measuring: a dark
exposure, and the fusion of all. Of the other scenes, one half gives only dark exposures (`backlit`), the other only
fusions (`well-lit`): no scene is in both. Both recipes see through EfficientNet-Lite0, whose weights are in a package;
those of CLIP must be fetched. Results on the reserved pairs are compared with the fusions, alongside the dark pictures
themselves, and the best that one curve per channel can do, fitted on the pairs.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from PIL import Image
from scene_pairs import bettered
from unpaired_trial import add_options, carry_out, save

from restore.data.folder import list_photos
from restore.data.lighting.scenes import find_scenes
from restore.data.sources.exposures import in_sequence, usable_scenes

# CLIP-LIT-Latent in the features that the recipe rave uses; prompts that learn ten times as fast, and short phases.
_LATENT = (
    "guidance.encoder={kind: efficientnet-lite0, taps: [block4]}",
    "guidance.optimizer.lr=5.0e-3",
    "guidance.begin=150",
    "guidance.reconstruct=0",
    "guidance.enhance=150",
    "guidance.refine=50",
    "losses=[{kind: prompt-score, weight: 320.0, begin: 150}, "
    "{kind: perceptual, weight: 2.0, against: input, distance: l2}]",
    "train.optimizer.lr=1.0e-3",
)
_CHANGES: dict[str, tuple[str, ...]] = {"rave": (), "clip-lit-latent": _LATENT}


def main() -> None:
    """Make the sets, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=list(_CHANGES))
    parser.add_argument("--exposures", required=True, type=Path)
    add_options(parser, "light", 600)
    options = parser.parse_args()
    changes = ("data.patch=64", "validation.crop=192", *_CHANGES[options.recipe])
    carry_out(options.recipe, options, partial(make_sets, options.exposures, options.side), changes)


def make_sets(exposures: Path, side: int, folder: Path) -> None:
    """Pictures as PNG: ``backlit`` and ``well-lit``, of different scenes, and ``pairs``."""
    for number, scene in enumerate(usable_scenes(find_scenes(in_sequence(list_photos([exposures]))))):
        names, pictures, fused = bettered(scene)
        middle = len(names) // 2
        dark, light = (Image.fromarray(pixels) for pixels in (pictures[middle], fused))
        for picture in (dark, light):
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        if number % 8 == 7:
            save(dark, folder / "pairs" / "input", names[middle])
            save(light, folder / "pairs" / "target", names[middle])
        elif number % 2:
            save(light, folder / "well-lit", names[middle])
        else:
            save(dark, folder / "backlit", names[middle])


if __name__ == "__main__":
    main()
