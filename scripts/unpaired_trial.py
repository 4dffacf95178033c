"""What trials of unpaired recipes share: sets of pictures, a run, and the best that curves can do."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.recipes import find_recipe
from restore.training.checkpoint import LAST
from restore.training.train import Options, start

ROOT = Path(__file__).resolve().parents[1]


def add_options(parser: argparse.ArgumentParser, work: str, steps: int) -> None:
    """The options of every trial."""
    parser.add_argument("--work", default=ROOT / "runs" / work, type=Path, help="folder of the sets and the runs")
    parser.add_argument("--run", default="run", help="name of the run; the sets are used again (default: run)")
    parser.add_argument("--side", default=400, type=int, help="longest side of the photographs used, pixels")
    parser.add_argument("--steps", default=steps, type=int, help=f"default: {steps}")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--set", action="append", default=[], help="change the recipe, as for restore train")


def carry_out(
    recipe: str, options: argparse.Namespace, make_sets: Callable[[Path], None], changes: Sequence[str] = ()
) -> None:
    """Make the sets if there are none, train or resume, and print the baseline.

    Args:
        recipe: name of the recipe.
        options: those of :func:`add_options`.
        make_sets: writes the folders that the recipe names, and pairs/input and pairs/target.
        changes: to the recipe, before those of ``--set``.
    """
    sets = options.work / "sets"
    if not sets.exists():
        make_sets(sets)
    run = options.work / options.run
    resume = (run / LAST).exists()
    changes = [
        "validation.pairs={input: pairs/input, target: pairs/target}",
        f"train.steps={options.steps}",
        f"validation.every={max(1, options.steps // 8)}",
        *changes,
        *options.set,
    ]
    how = Options(resume=resume, changes=() if resume else changes, device="cpu", threads=options.threads)
    if not start(None if resume else find_recipe(recipe), sets, run, how, Console()):
        raise SystemExit(130)
    print(f"one curve per channel, fitted on the pairs: {best_curves(sets / 'pairs'):.2f} dB")


def save(picture: Image.Image, folder: Path, name: str) -> None:
    """As PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    picture.convert("RGB").save(folder / f"{name}.png")


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
