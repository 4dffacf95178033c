"""``restore train --overfit N``: train on a few fixed batches, which a correct setup learns by heart."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from restore.errors import RecipeError
from restore.training.data_loading import Samples, batches
from restore.training.loop import calibrate, find_training_data
from restore.training.recipe import Recipe
from restore.training.state import Run, new_run
from restore.training.step import update
from restore.training.train import Options, describe, prepared_device, read_recipe

# Steps unless --set train.steps says how many.
_STEPS = 300
# Shares of the first loss: below the first it is near zero, above the second it does not fall.
_NEAR_ZERO, _HARDLY = 0.1, 0.7
_LINES = 10


def overfit(recipe_path: Path, data: Path, count: int, options: Options, console: Console) -> bool:
    """Train on the first batches over and over, and print how far the loss falls; leaves nothing behind.

    The learning rate is constant, and all losses are active from the first step on.

    Args:
        recipe_path: recipe file.
        data: folder that the recipe's folder names are relative to.
        count: number of batches.
        options: see :func:`restore.training.train.start`.
        console: for the results.

    Returns:
        Whether the loss falls.

    Raises:
        RestoreError: the run cannot be started, or the loss is not finite.
    """
    recipe, _ = read_recipe(recipe_path, options)
    if recipe.guidance is not None:
        raise RecipeError("--overfit is for a single loss; with guidance, prompts and network take turns")
    recipe = constant(recipe, any(change.partition("=")[0].strip() == "train.steps" for change in options.changes))
    with tempfile.TemporaryDirectory() as temporary, prepared_device(options) as (device, team):
        if team.size > 1:
            raise RecipeError("--overfit runs in one process: start it without torchrun")
        run = new_run(recipe, Path(temporary), device, team, options.start_from)
        for line in describe(run):
            console.print(line, markup=False)
        training_data = find_training_data(run, data, 0)
        for line in calibrate(run, training_data.dataset):
            console.print(line, markup=False)
        fixed = [one for one, _ in zip(batches(run, training_data.dataset, 0), range(count), strict=False)]
        return _verdict(_losses(run, fixed, console), len(fixed), recipe, console)


def constant(recipe: Recipe, keep_steps: bool) -> Recipe:
    """The recipe with a constant learning rate, all losses from the first step on, and few steps."""
    train = recipe.train
    steps = train.steps if keep_steps else min(train.steps, _STEPS)
    schedule = train.schedule.model_copy(update={"warmup": 0, "floor": 1.0, "peaks": [1.0]})
    losses = [loss.model_copy(update={"begin": 0, "end": None}) for loss in recipe.losses]
    judge = recipe.discriminator
    return recipe.model_copy(
        update={
            "train": train.model_copy(update={"steps": steps, "schedule": schedule, "start_share": 0.0}),
            "losses": losses,
            "teacher": None if recipe.teacher is None else recipe.teacher.model_copy(update={"cache": None}),
            "discriminator": None if judge is None else judge.model_copy(update={"begin": 0}),
        }
    )


def _losses(run: Run, fixed: Sequence[Samples], console: Console) -> list[float]:
    """The loss of each pass over the batches."""
    steps, found, now = run.recipe.train.steps, list[float](), list[torch.Tensor]()
    shown = max(1, steps // _LINES)
    while run.step < steps:
        result = update(run, *fixed[run.step % len(fixed)])
        run.step += 1
        now.append(result.loss)
        if len(now) == len(fixed):
            found.append(float(torch.stack(now).mean()))
            now.clear()
        if run.step % shown == 0 or run.step == 1:
            parts = ", ".join(f"{name} {float(value):.4g}" for name, value in result.parts.items())
            console.print(f"step {run.step}/{steps}  loss {float(result.loss):.4g}  ({parts})", markup=False)
            if not torch.isfinite(result.loss):
                raise RecipeError(
                    f"step {run.step}: the loss is {float(result.loss)}; lower train.optimizer.lr, or look for a "
                    "division by zero in a loss"
                )
    if not found:
        raise RecipeError(f"train.steps = {steps} is less than one pass over {len(fixed)} batches; increase it")
    return found


def _verdict(losses: Sequence[float], batches: int, recipe: Recipe, console: Console) -> bool:
    last = sum(losses[-max(1, len(losses) // 10) :]) / max(1, len(losses) // 10)
    which = "the batch" if batches == 1 else f"{batches} batches"
    if min(losses) < 0:
        falls = last < losses[0]
        console.print(
            f"loss on {which}: {losses[0]:.4g} -> {last:.4g}: it {'falls' if falls else 'does not fall'}; such a loss "
            "has no zero to reach, so compare its parts"
        )
        return falls
    share = last / losses[0] if losses[0] else 0.0
    text = f"loss on {which}: {losses[0]:.4g} -> {last:.4g}, {share:.0%} of the first"
    if share <= _NEAR_ZERO:
        console.print(f"{text}: near zero, so network, losses and data work together")
    elif share <= _HARDLY:
        console.print(
            f"{text}: it falls, but not to near zero. Small networks take long, and adversarial and contrastive losses "
            "never get there: compare the parts, or try --set train.steps=2000"
        )
    else:
        steps = recipe.train.steps
        first = (
            f"Give it more than {steps} steps first: --set train.steps={_STEPS}. Then look"
            if steps < _STEPS
            else "Look"
        )
        console.print(
            f"{text}: it hardly falls. {first} at train.optimizer.lr, at the weights of losses that pull against each "
            "other, and at whether inputs and targets belong together"
        )
    if recipe.discriminator is not None:
        console.print("An adversarial loss does not fall to zero: the discriminator learns too.")
    return share <= _HARDLY
