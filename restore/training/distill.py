"""``restore distill``: compute the results of a recipe's teacher in advance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console

from restore.errors import RecipeError
from restore.training.data_fingerprint import fingerprint
from restore.training.data_loading import on_device
from restore.training.loop import find_training_data
from restore.training.state import Run, new_run
from restore.training.teacher_cache import TeacherCache
from restore.training.train import Options, open_teacher_cache, prepared_device, read_recipe
from restore.utils.progress import progress_bar


def distill(recipe_path: Path, data: Path, options: Options, console: Console) -> None:
    """Fill the cache of a recipe's teacher. What is there already is kept, so that an interrupted call can be repeated.

    Args:
        recipe_path: recipe file, with ``teacher.cache``.
        data: folder that the recipe's folder names are relative to.
        options: of ``restore train``; those for starting and resuming are not used.
        console: for messages and progress.

    Raises:
        RestoreError: the recipe has no such cache, something is missing, or the disk is full.
    """
    recipe, _ = read_recipe(recipe_path, options)
    if recipe.teacher is None or recipe.teacher.cache is None:
        raise RecipeError(
            f"{recipe_path}: no teacher.cache to fill; add teacher: {{file: ..., samples: 20000, cache: FOLDER}}"
        )
    # Which weights the network starts from does not matter here.
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"start_share": 0.0})})
    with tempfile.TemporaryDirectory() as temporary, prepared_device(options) as (device, team):
        if team.size > 1:
            raise RecipeError("restore distill runs in one process: start it without torchrun")
        run = new_run(recipe, Path(temporary), device, team)
        training_data = find_training_data(run, data, 0)
        run.note_data(fingerprint(training_data, data))
        with open_teacher_cache(run) as cache:
            assert cache is not None
            missing = list(_missing(cache, recipe.train.batch))
            console.print(
                f"{cache.samples:,} samples, {cache.bytes / 1e6:,.0f} MB in {cache.folder}; "
                f"{sum(map(len, missing)):,} to compute by {run.teacher and run.teacher.name}",
                markup=False,
                highlight=False,
            )
            for numbers in progress_bar(missing, "distilling", console):
                samples = [training_data.dataset.draw(number) for number in numbers]
                _compute(run, torch.stack([sample.low for sample in samples]), numbers)


def _missing(cache: TeacherCache, batch: int) -> Iterator[list[int]]:
    """Batches with a missing sample, as training will see them the first time."""
    for first in range(0, cache.samples, batch):
        numbers = list(range(first, min(first + batch, cache.samples)))
        if not all(map(cache.holds, numbers)):
            yield numbers


def _compute(run: Run, low: torch.Tensor, numbers: list[int]) -> None:
    assert run.teacher is not None
    run.teacher(on_device(low, run.device), numbers)
