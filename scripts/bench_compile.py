"""Measure what --compile changes: processor time of a training step, with and without it, and of the compilation.

    python scripts/bench_compile.py --data PHOTOGRAPHS [--recipe sr-x4] [--precision fp32] [--steps 10] [--rounds 3]

PHOTOGRAPHS is a folder of photographs. --recipe and --precision are repeatable; by default sr-x4 and unfilter, in fp32
and bf16. Every measurement is a process of its own with one thread, with and without --compile in turns. They do the
recipe's first step again and again, with the same batch: the network, its losses, gradients and the optimizer, without
the cutting of patches. Processor time is measured, which other load on the machine hardly affects.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console

from restore.recipes import find_recipe
from restore.runtime.cpu import cpu_name
from restore.training.data_loading import batches
from restore.training.loop import find_training_data
from restore.training.recipe_file import load_recipe
from restore.training.state import new_run
from restore.training.step import update
from restore.training.train import compiled

# Steps that are not timed: in them, torch.compile meets the shapes of the recipe, and compiles for each.
WARM = 3
# Compile everything anew, in the process that is measured.
FRESH = {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}


@dataclass(frozen=True)
class Measured:
    """Seconds of processor time: of a step, and of everything before the first one that counts."""

    step: float
    before: float


def main() -> None:
    """Print steps per second of one core with and without --compile, by recipe and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder of photographs")
    parser.add_argument("--recipe", action="append", help="included recipe (default: sr-x4 and unfilter)")
    parser.add_argument("--precision", action="append", choices=["fp32", "bf16"], help="default: both")
    parser.add_argument("--steps", type=int, default=10, help="timed steps (default: 10)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: 3)")
    parser.add_argument("--one", choices=["compiled", "eager"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    recipes, precisions = options.recipe or ["sr-x4", "unfilter"], options.precision or ["fp32", "bf16"]
    if options.one:
        print(json.dumps(asdict(measure(recipes[0], precisions[0], options.data, options.steps, options.one))))
        return
    print(f"{cpu_name()}, one thread, torch {torch.__version__}")
    for recipe in recipes:
        for precision in precisions:
            print(compare(recipe, precision, options), flush=True)


def compare(recipe: str, precision: str, options: argparse.Namespace) -> str:
    """Measure in turns; a line with the medians."""
    command = [sys.executable, __file__, "--data", str(options.data), "--steps", str(options.steps)]
    found: dict[str, list[Measured]] = {"eager": [], "compiled": []}
    for _ in range(options.rounds):
        for kind, all_of_it in found.items():
            one = [*command, "--recipe", recipe, "--precision", precision, "--one", kind]
            done = subprocess.run(one, capture_output=True, text=True, check=True, env={**os.environ, **FRESH})
            all_of_it.append(Measured(**json.loads(done.stdout.splitlines()[-1])))
    eager, fast = (statistics.median(one.step for one in found[kind]) for kind in ("eager", "compiled"))
    least, most = (edge(b.step / a.step for a, b in zip(*found.values(), strict=True)) for edge in (min, max))
    extra = statistics.median(one.before for one in found["compiled"]) - statistics.median(
        one.before for one in found["eager"]
    )
    pays = f", which {extra / (eager - fast):,.0f} steps earn" if fast < eager else ""
    return (
        f"{recipe} {precision}: {1 / eager:.2f} steps/s, compiled {1 / fast:.2f} steps/s: {eager / fast:.2f} times as "
        f"fast ({1 / most:.2f} to {1 / least:.2f}); compiling takes {extra:.0f} s{pays}"
    )


def measure(recipe_name: str, precision: str, data: Path, steps: int, kind: str) -> Measured:
    """Train on one batch with one thread.

    Args:
        recipe_name: an included recipe.
        precision: ``fp32`` or ``bf16``.
        data: folder of photographs.
        steps: timed steps.
        kind: ``compiled`` or ``eager``.
    """
    torch.set_num_threads(1)
    changes = (f"train.precision={precision}", "data.train=[.]", "data.holdout=1", "train.start_share=0")
    run = new_run(load_recipe(find_recipe(recipe_name), changes), Path("unused"), torch.device("cpu"))
    if run.precision != precision:
        raise SystemExit(f"this processor does not compute in {precision}")
    batch = next(batches(run, find_training_data(run, data, 0).dataset, 0))
    began = processor_time()
    if kind == "compiled":
        run.call = compiled(run, Console(file=io.StringIO()))
    for _ in range(WARM):
        update(run, *batch)
    warm = processor_time()
    for _ in range(steps):
        update(run, *batch)
    return Measured((processor_time() - warm) / steps, warm - began)


def processor_time() -> float:
    """Seconds of this process and those that it has started and waited for, such as the C++ compiler."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
