"""Make the models in models/ again, from their recipes: train, export, quantise, measure, write the card.

    python scripts/train_zoo.py sr-x4 --data PHOTOGRAPHS --testsets TESTSETS [--threads 1]

A run that was stopped goes on where it was. PHOTOGRAPHS holds the folders that the recipes name; TESTSETS holds
Set5/x2, Set5/x4, Set14/x2 and Set14/x4 with files *_HR.png and *_LR.png, and Kodak24 for models of degraded pictures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from restore.training.recipe_file import load_recipe

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Train, export and measure one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="folder in models/")
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders of photographs")
    parser.add_argument("--testsets", required=True, type=Path, help="folder of Set5 and Set14")
    parser.add_argument("--runs", default=ROOT / "runs", type=Path, help="where the checkpoints go (default: runs/)")
    parser.add_argument("--threads", default="2", help="CPU threads")
    options = parser.parse_args()

    folder, run = ROOT / "models" / options.name, options.runs / options.name
    begin = ["--resume"] if (run / "last.safetensors").exists() else [str(folder / "recipe.yaml")]
    restore("train", *begin, "--data", str(options.data), "--out", str(run), "--threads", options.threads)
    file = folder / f"{options.name}.onnx"
    restore("export", str(run), str(file), "--overwrite")
    recipe = load_recipe(folder / "recipe.yaml")
    checks = [f"--check={options.testsets / name / f'x{recipe.scale}'}" for name in ("Set5", "Set14")]
    calibrate = f"--calibrate={options.data / recipe.data.train[0]}"
    int8 = ("--precision=int8", calibrate, *checks, "--pattern=*_HR.png", "--overwrite")
    restore("export", str(file), str(folder), *int8)
    cards = [sys.executable, str(ROOT / "scripts" / "make_cards.py"), options.name, "--testsets", str(options.testsets)]
    subprocess.run(cards, check=True)


def restore(*arguments: str) -> None:
    """Run a command of this checkout and stop if it fails."""
    subprocess.run([sys.executable, str(ROOT / "cli.py"), *arguments], check=True)


if __name__ == "__main__":
    main()
