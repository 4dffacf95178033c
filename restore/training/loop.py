"""The training loop: photographs in, checkpoints out, the same result however often it was interrupted."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from restore.data.dataset import PairDataset
from restore.data.sources.base import TrainingData
from restore.errors import DataError, RecipeError, RestoreError
from restore.networks.base import deployed
from restore.training.batch_loader import BatchLoader
from restore.training.data_loading import Samples, fill, on_device, shares_memory
from restore.training.logging import Reporter, Step
from restore.training.state import BEST, LAST, Run
from restore.training.step import update
from restore.training.training_data import open_training_data
from restore.training.validation import enlarge, sheet, unchanged


def find_training_data(run: Run, data: Path, workers: int | None = None) -> TrainingData:
    """The training data of a run, below ``data``; processes that do not share memory share ``data.cache_gb``.

    Raises:
        RestoreError: photographs are missing or broken, or packages or weights of the validation metric are missing.
    """
    copies = 1 if shares_memory() else max(1, workers or 0)
    budget = run.recipe.data.cache_gb * 2**30 / copies / run.team.size_here
    material = open_training_data(run.recipe, data, int(budget))
    if run.metric.applies_to(material.samples):
        _ = run.measure  # built now: what it lacks is reported before the run begins
    return material


def train(run: Run, material: TrainingData, reporter: Reporter, workers: int | None = None) -> bool:
    """Train until the recipe's last step, or until its patience runs out.

    Args:
        run: from :func:`restore.training.state.new_run` or :func:`restore.training.state.resume_run`.
        material: from :func:`find_training_data`.
        reporter: progress and logs.
        workers: processes that cut patches; 0 cuts them between the steps; None finds out what is fastest.

    Returns:
        Whether the run is complete; False after Ctrl-C or SIGTERM, with everything saved.
    """
    try:
        return _steps(run, material, reporter, workers)
    finally:  # the cursor is hidden behind a progress bar
        reporter.finish()


def _steps(run: Run, material: TrainingData, reporter: Reporter, workers: int | None) -> bool:
    recipe = run.recipe
    samples, options = material.samples, recipe.validation
    beat = None
    if run.metric.applies_to(samples):
        beat = run.measure(unchanged(samples, recipe.scale), samples)
    reporter.start(run.step, recipe.train.steps, material.description, len(samples), beat)
    if run.step == 0:
        for line in introduce(run, material.dataset):
            reporter.tell(line)
    loader, stopped = BatchLoader(run, material.dataset, workers), False
    with _stop_on_signal(run):
        for done, count in fill(run, material.dataset, loader.workers):
            reporter.preparing(done, count)
            if run.stopping and run.team.size == 1:
                break  # the first step then ends the run; several processes must all come to it
        began = time.monotonic() - run.seconds
        told: Step | None = None
        while not run.over:
            low, high, labels = _next(run, loader, told)
            try:
                told = update(run, low, high, labels)
            except ValueError as error:  # a loss that cannot be had of such samples
                raise RecipeError(f"step {run.step}: {error}") from error
            run.step += 1
            run.seconds = time.monotonic() - began
            if (note := loader.after_step()) is not None:
                reporter.tell(note)
            reporter.step(run.step, told, run.optimizer.param_groups[0]["lr"], run.seconds, loader.share)
            saving = run.step == recipe.train.steps or run.step % recipe.train.save_every == 0
            if run.step == recipe.train.steps or run.step % options.every == 0:
                _check(run, told)
                _validate(run, material, reporter)
            stopped = run.team.anyone(run.stopping)
            if saving or stopped or run.over:
                _check(run, told)
                run.save(LAST)
            if stopped:
                break
    if run.over and run.step < recipe.train.steps:
        reporter.tell(f"step {run.step}: no better for {run.stale} validations, so it ends here")
    return run.over


def _next(run: Run, loader: BatchLoader, told: Step | None) -> Samples:
    """The next step's samples.

    Raises:
        RestoreError: a photograph cannot be decoded, here or in another process of the team; nothing of the run is
            lost over it.
    """
    found: Samples | None = None
    problem: RestoreError | None = None
    try:
        found = next(loader)
    except RestoreError as error:
        problem = error
    if run.team.anyone(problem is not None):
        if told is not None:
            _check(run, told)
        run.save(LAST)
        raise problem or DataError("another process of this run could not read a photograph, and says which")
    assert found is not None
    return found


def _check(run: Run, told: Step) -> None:
    """Nothing is saved over the last good checkpoint once the loss, or its gradient, is no number."""
    if not (torch.isfinite(told.loss) and torch.isfinite(told.norm)):
        raise RecipeError(
            f"the loss is {float(told.loss)}, its gradient {float(told.norm)}, at step {run.step}: the training has "
            f"diverged. Lower train.optimizer.lr; {run.folder / LAST}, where there is one, is from before"
        )


def _validate(run: Run, material: TrainingData, reporter: Reporter) -> None:
    """Measure the averaged weights; of several processes the first one does, and all know the outcome."""
    better, samples, scale = False, material.samples, run.recipe.scale
    if run.team.leads:
        network = deployed(run.average.module).eval()
        results = [enlarge(network, sample.low, run.device) for sample in samples]
        value = run.measure(results, samples) if run.metric.applies_to(samples) else None
        if value is not None:
            better = run.metric.improves(value, run.best)
            run.best, run.stale = (value, 0) if better else (run.best, run.stale + 1)
        reporter.validation(run.step, value, run.best, sheet(results, samples, scale))
    best, stale = run.team.heed(run.best, run.stale)
    run.best, run.stale = best, int(stale)
    if better:
        run.save(BEST)


@contextmanager
def _stop_on_signal(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run after the step in hand; a second Ctrl-C ends it at once."""

    def stop(number: int, _: object) -> None:
        run.stopping = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def introduce(run: Run, patches: PairDataset) -> Iterator[str]:
    """Calibrate every loss that needs it with the first samples of the training data.

    Args:
        run: at step 0; a checkpoint restores what was found.
        patches: the training data.

    Yields:
        What was found, one line of text each.
    """
    for options, term in run.terms:
        if term.calibration_samples:
            lines = term.calibrate(_batches(run, patches, term.calibration_samples))
            yield from (f"{options.kind}: {line}" for line in lines)
    run.team.align(run.modules.values())


def _batches(run: Run, patches: PairDataset, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    size = run.recipe.train.batch
    for first in range(0, count, size):
        samples = [patches[number] for number in range(first, min(first + size, count))]
        low, high = (torch.stack(side) for side in zip(*samples, strict=True))
        yield on_device(low, run.device), on_device(high, run.device)
