"""Test the unpaired recipe: learn to remove an Instagram filter without ever seeing a pair.

    python scripts/try_cut.py --photos FOLDER [--filter nashville] [--steps 2000]

Every eighth photograph is reserved as a pair for measuring. Of the rest, one half is filtered (by pilgram) and forms
the inputs; the other half stays unfiltered and forms the targets: no photograph is in both. The recipe `cut` trains on
these. Its results on the reserved pairs are compared with the originals, alongside two baselines: the filtered pictures
themselves, and the best that one curve per channel can do, fitted on the pairs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pilgram
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from restore.data.folder import list_photos
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.recipes import find_recipe
from restore.training.checkpoint import LAST
from restore.training.train import Options, start

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Make the sets, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, type=Path)
    parser.add_argument("--filter", default="nashville", help="a function of the package pilgram")
    parser.add_argument("--work", default=ROOT / "runs" / "cut", type=Path, help="folder of the sets and the runs")
    parser.add_argument("--run", default="run", help="name of the run; all runs use the same sets (default: run)")
    parser.add_argument("--side", default=400, type=int, help="longest side of the photographs used, pixels")
    parser.add_argument("--steps", default=2000, type=int)
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--set", action="append", default=[], help="change the recipe, as for restore train")
    options = parser.parse_args()

    sets = options.work / "sets"
    if not sets.exists():
        make_sets(options.photos, getattr(pilgram, options.filter), options.side, sets)
    run = options.work / options.run
    resume = (run / LAST).exists()
    changes = [
        "validation.pairs={input: pairs/input, target: pairs/target}",
        f"train.steps={options.steps}",
        f"validation.every={max(1, options.steps // 8)}",
        *options.set,
    ]
    how = Options(resume=resume, changes=() if resume else changes, device="cpu", threads=options.threads)
    if not start(None if resume else find_recipe("cut"), sets, run, how, Console()):
        raise SystemExit(130)
    print(f"one curve per channel, fitted on the pairs: {best_curves(sets / 'pairs'):.2f} dB")


def make_sets(photos: Path, filtered: object, side: int, folder: Path) -> None:
    """Pictures as PNG: ``input`` and ``target``, which show different things, and ``pairs``."""
    assert callable(filtered)
    for number, path in enumerate(list_photos([photos])):
        picture = Image.fromarray(read_rgb8(path))
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        if number % 8 == 7:
            save(picture, folder / "pairs" / "target", path)
            save(filtered(picture), folder / "pairs" / "input", path)
        elif number % 2:
            save(picture, folder / "target", path)
        else:
            save(filtered(picture), folder / "input", path)


def save(picture: Image.Image, folder: Path, path: Path) -> None:
    """As PNG, by the photograph's name."""
    folder.mkdir(parents=True, exist_ok=True)
    picture.convert("RGB").save(folder / f"{path.stem}.png")


def best_curves(pairs: Path) -> float:
    """PSNR when each value of each channel becomes the mean of what it was, over all pairs."""
    inputs, targets = (
        [read_rgb8(path) for path in sorted((pairs / name).glob("*.png"))] for name in ("input", "target")
    )
    curves = [
        fit(np.concatenate([p[..., c].ravel() for p in inputs]), np.concatenate([p[..., c].ravel() for p in targets]))
        for c in range(3)
    ]
    made = [np.stack([curves[c][picture[..., c]] for c in range(3)], axis=-1) for picture in inputs]
    return float(np.mean([psnr(a, b, border=1) for a, b in zip(made, targets, strict=True)]))


def fit(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A table of 256: the mean of ``after`` at each value of ``before``."""
    counts = np.maximum(1, np.bincount(before, minlength=256))
    sums = np.bincount(before, weights=after.astype(np.float64), minlength=256)
    return np.round(sums / counts).astype(np.uint8)


if __name__ == "__main__":
    main()
