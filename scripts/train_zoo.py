"""Rebuild the models in models/ from their recipes: train, export, quantize, measure, write the card.

    python scripts/train_zoo.py sr-x4 --data PHOTOGRAPHS --testsets TESTSETS [--threads 1] [--teacher FILE]

An interrupted run is resumed. PHOTOGRAPHS holds the folders that the recipes name; TESTSETS holds Set5/x2, Set5/x4,
Set14/x2 and Set14/x4 with files *_HR.png and *_LR.png; Kodak24 for degradation and filter models, and lowlight/LIME for
low-light models. A start.yaml next to the recipe is trained first, then start-2.yaml, start-3.yaml and so on, each from
the weights of the one before; the last provides the recipe's initial weights. Without one, a model in BEGINS begins
with the weights of another. A control.yaml is trained too, from the same initial weights. Recipes that learn from a
teacher name its file; --teacher says where it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from restore.training.recipe_file import load_recipe

ROOT = Path(__file__).resolve().parents[1]
# Models whose training starts with the weights of another of these models.
BEGINS = {"denoise": "photo-x1"}
# In 8 bits, this one would lose 0.1 dB, and lay a pattern of two levels over flat colors.
_FP32_ONLY = {"denoise"}


def main() -> None:
    """Train, export and measure one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="folder in models/")
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders of photographs")
    parser.add_argument("--testsets", required=True, type=Path, help="folder of the test sets")
    parser.add_argument("--runs", default=ROOT / "runs", type=Path, help="where the checkpoints go (default: runs/)")
    parser.add_argument("--threads", default="2", help="CPU threads")
    parser.add_argument("--workers", help="processes that cut patches (default: as many as make it fastest)")
    parser.add_argument("--teacher", type=Path, help="file of the network that recipes with a teacher learn from")
    options = parser.parse_args()

    folder, run = ROOT / "models" / options.name, options.runs / options.name
    start: Path | None = Path(BEGINS[options.name]) if options.name in BEGINS else None
    for stage in stages(folder):
        before, start = start, options.runs / f"{options.name}-{stage.stem}"
        train(stage, start, options, before)
    train(folder / "recipe.yaml", run, options, start)
    if (folder / "control.yaml").exists():
        train(folder / "control.yaml", options.runs / f"{options.name}-control", options, start)
    file = folder / f"{options.name}.onnx"
    restore("export", str(run), str(file), "--overwrite")
    if options.name not in _FP32_ONLY:
        narrow(file, options)
    where = {"testsets": options.testsets, "data": options.data, "runs": options.runs}
    script("make_cards.py", options.name, *(f"--{name}={folder}" for name, folder in where.items()))


def narrow(file: Path, options: argparse.Namespace) -> None:
    """Make the int8 file, calibrated on training photographs and checked on pictures that are none."""
    folder, name = file.parent, file.stem
    recipe = load_recipe(folder / "recipe.yaml")
    if recipe.scale == 1:
        pairs = options.runs / f"{name}-{'scenes' if recipe.data.exposures else 'pairs'}"
        writer = ["degraded_pairs.py"]
        if recipe.data.exposures:
            writer = ["scene_pairs.py"]
        elif recipe.data.filters is not None:
            writer = ["filter_pairs.py", f"--testsets={options.testsets}"]
        script(*writer, str(folder / "recipe.yaml"), str(pairs), f"--data={options.data}")
        checks = [f"--check={pairs / 'held/target'}", f"--check-input={pairs / 'held/input'}"]
        calibrate = pairs / "seen/input"
    else:
        sets = [options.testsets / name / f"x{recipe.scale}" for name in ("Set5", "Set14")]
        checks = [*(f"--check={folder}" for folder in sets), "--pattern=*_HR.png"]
        calibrate = options.data / recipe.data.train[0]
    exact = ["--precision=int8", "--max-loss=0.05", f"--calibrate={calibrate}", *checks]
    restore("export", str(file), str(folder), *exact, "--overwrite")


def stages(folder: Path) -> Iterator[Path]:
    """The recipes trained before a model's own, in order: start.yaml, start-2.yaml and so on."""
    for number in count(1):
        recipe = folder / ("start.yaml" if number == 1 else f"start-{number}.yaml")
        if not recipe.exists():
            return
        yield recipe


def learns_from_a_file(recipe: Path) -> bool:
    """Whether a recipe has a teacher other than its own start."""
    teacher = load_recipe(recipe).teacher
    return teacher is not None and teacher.file is not None


def train(recipe: Path, run: Path, options: argparse.Namespace, start: Path | None = None) -> None:
    """Train a recipe, optionally from another run's weights, or resume it."""
    begin = [str(recipe), *(["--start", str(start)] if start else [])]
    if options.teacher is not None and learns_from_a_file(recipe):
        for key, value in (("file", options.teacher), ("cache", options.runs / f"{run.name}-teacher")):
            begin += ["--set", f"teacher.{key}={value}"]
    if (run / "last.safetensors").exists():
        begin = ["--resume"]
    where = ["--data", str(options.data), "--out", str(run)]
    workers = [] if options.workers is None else ["--workers", options.workers]
    restore("train", *begin, *where, "--threads", options.threads, *workers)


def script(name: str, *arguments: str) -> None:
    """Run a script of this folder; stop if it fails."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / name), *arguments], check=True)


def restore(*arguments: str) -> None:
    """Run a command of this checkout; stop if it fails."""
    subprocess.run([sys.executable, str(ROOT / "cli.py"), *arguments], check=True)


if __name__ == "__main__":
    main()
