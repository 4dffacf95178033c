"""What is said when a run goes on with other options or other photographs than it began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from restore.training.optim import rate
from restore.training.recipe import Recipe
from restore.training.recipe_base import differences
from restore.utils.json_types import JsonObject


def option_notes(before: Recipe, after: Recipe, changes: Sequence[str], step: int) -> Iterator[str]:
    """Lines about options that differ from the checkpoint's, and about changes that have no effect.

    Args:
        before: the checkpoint's recipe.
        after: the recipe to go on with.
        changes: the ``--set`` options.
        step: completed steps.
    """
    changed: list[str] = []
    for line in differences(before.as_dict(), after.as_dict()):
        key = line.partition(":")[0]
        changed.append(key)
        why = _without_effect(key, before, after, step)
        yield f"changed from step {step} on: {line}" + (f" (no effect: {why})" if why else "")
    for change in changes:
        key = change.partition("=")[0].strip()
        if not any(f"{one}.".startswith(f"{key}.") or f"{key}.".startswith(f"{one}.") for one in changed):
            yield f"--set {change}: no effect, the run has this value already"
    if step >= after.train.steps:
        yield f"all {step} steps are done: raise train.steps to train on"


def _without_effect(key: str, before: Recipe, after: Recipe, step: int) -> str:
    """Why a changed option does nothing for the rest of a run; empty if it does something."""
    group, *rest = key.split(".")
    if key == "train.seed":
        return "on the weights, which were drawn at the start; it changes the samples that follow"
    if key.startswith("train.schedule.") and before.train.steps == after.train.steps:
        steps = after.train.steps
        old, new = before.train.schedule, after.train.schedule
        if all(rate(old, at, steps) == rate(new, at, steps) for at in range(step, steps)):
            return "the learning rate of the remaining steps is the same"
    if key.startswith(("flow.mean", "flow.network.")):
        return "the run keeps the network that its flow began at"
    if key == "discriminator.begin":
        begins = [one.discriminator.begin for one in (before, after) if one.discriminator]
        if max(begins) <= step:
            return "the discriminator has begun already"
    if group == "losses" and len(rest) == 2 and rest[0].isdecimal() and len(before.losses) == len(after.losses):
        old_loss, new_loss = before.losses[int(rest[0])], after.losses[int(rest[0])]
        if rest[1] == "begin" and max(old_loss.begin, new_loss.begin) <= step:
            return "the loss has begun already"
        if old_loss.kind == new_loss.kind == "residual-vector" and rest[1] in ("samples", "words", "shift"):
            return "the direction was computed at the start of the run"
    return ""


def data_notes(before: Mapping[str, object] | None, now: JsonObject) -> Iterator[str]:
    """Lines about photographs that differ from the checkpoint's.

    Args:
        before: what :func:`restore.training.data_fingerprint.fingerprint` returned then; None if it was not saved.
        now: what it returns now.
    """
    if before is None:
        return
    if before.get("training") != now["training"]:
        then, count = before.get("photographs"), now["photographs"]
        how = f"{then} then, {count} now" if then != count else "some were replaced or renamed"
        yield (
            f"The photographs to train on are not those that the run was saved with ({how}): from here on, it is not "
            "the run that it would have been without the interruption."
        )
    if before.get("validation") != now["validation"]:
        yield (
            "The pictures to validate on are not those that the run was saved with, and some of them may have been "
            "trained on."
        )
