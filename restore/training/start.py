"""From the options of ``restore train`` to a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from restore.atomic import write_bytes
from restore.errors import DeviceError, RecipeError
from restore.training.checkpoint import Checkpoint
from restore.training.loop import LAST, load_weights, new_run, resume_run, train
from restore.training.recipe_file import dump_recipe, load_recipe, parse_recipe
from restore.training.report import Reporter


def choose_device(name: str) -> torch.device:
    """``auto`` takes a GPU where there is one; ``cuda`` insists on it.

    Raises:
        DeviceError: ``cuda`` was asked for and torch sees no GPU.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError(
            f"--device cuda: torch {torch.__version__} finds no CUDA GPU here (is it a CPU build of torch?)"
        )
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def start(
    recipe_path: Path | None,
    data: Path,
    folder: Path,
    begin_with: Path | None,
    resume: bool,
    changes: Sequence[str],
    device_name: str,
    threads: int | None,
    workers: int,
    console: Console,
) -> bool:
    """Begin a run or go on with one; see ``restore train --help`` for the arguments.

    Returns:
        Whether the run is complete; False when it was interrupted.

    Raises:
        RestoreError: the recipe, the data or the run's folder is not as it should be.
    """
    device = choose_device(device_name)
    if threads:
        torch.set_num_threads(threads)
    last = folder / LAST
    if resume:
        if begin_with is not None:
            raise RecipeError("--resume goes on with the run's own weights: leave --start out")
        if recipe_path is not None:
            raise RecipeError("--resume uses the run's own recipe: leave RECIPE out (change it with --set)")
        recipe = parse_recipe(Checkpoint(last).recipe_yaml, str(folder), changes)
        run = resume_run(recipe, folder, device)
    else:
        if recipe_path is None:
            raise RecipeError("give a RECIPE, or --resume to go on with a run")
        recipe = load_recipe(recipe_path, changes)
        if last.exists():
            raise RecipeError(f"{folder} holds a run already: give --resume to go on with it, or another --out")
        run = new_run(recipe, folder, device)
        if begin_with is not None:
            load_weights(run, begin_with / LAST if begin_with.is_dir() else begin_with)
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "recipe.yaml", dump_recipe(recipe).encode())
    console.print(f"{recipe.name}: {sum(p.numel() for p in run.network.parameters()):,} parameters, on {device}")
    return train(run, data, Reporter(folder, console), workers)
