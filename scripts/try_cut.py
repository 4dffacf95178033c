"""Test the unpaired recipe: learn to remove an Instagram filter without ever seeing a pair.

    python scripts/try_cut.py --photos FOLDER [--filter nashville] [--steps 2000]

Every eighth photograph is reserved as a pair for measuring. Of the rest, one half is filtered (by pilgram) and forms
the inputs; the other half stays unfiltered and forms the targets: no photograph is in both. The recipe `cut` trains on
these. Its results on the reserved pairs are compared with the originals, alongside two baselines: the filtered pictures
themselves, and the best that one curve per channel can do, fitted on the pairs.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import pilgram
from PIL import Image
from unpaired_trial import add_options, carry_out, save

from restore.data.folder import list_photos
from restore.imaging.decode import read_rgb8


def main() -> None:
    """Make the sets, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, type=Path)
    parser.add_argument("--filter", default="nashville", help="a function of the package pilgram")
    add_options(parser, "cut", 2000)
    options = parser.parse_args()
    carry_out("cut", options, partial(make_sets, options.photos, getattr(pilgram, options.filter), options.side))


def make_sets(photos: Path, filtered: object, side: int, folder: Path) -> None:
    """Pictures as PNG: ``input`` and ``target``, which show different things, and ``pairs``."""
    assert callable(filtered)
    for number, path in enumerate(list_photos([photos])):
        picture = Image.fromarray(read_rgb8(path))
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        if number % 8 == 7:
            save(picture, folder / "pairs" / "target", path.stem)
            save(filtered(picture), folder / "pairs" / "input", path.stem)
        elif number % 2:
            save(picture, folder / "target", path.stem)
        else:
            save(filtered(picture), folder / "input", path.stem)


if __name__ == "__main__":
    main()
