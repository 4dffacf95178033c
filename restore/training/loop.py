"""The training loop. A run that was interrupted and resumed gives the same result as one that was not."""

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
from restore.training.batch_loader import BatchLoader
from restore.training.checkpoint import BEST, LAST
from restore.training.data_loading import Samples, fill, on_device, shares_memory
from restore.training.logging import Reporter, Step
from restore.training.skipped_photos import SkippedPhotos, small_photos
from restore.training.state import Run
from restore.training.step import update
from restore.training.trackers.base import Status
from restore.training.training_data import open_training_data
from restore.training.validation import enlarge, unchanged, validation_sheet

# Smallest scale of an fp16 loss that training may need; it starts at 65536.
_LEAST_SCALE = 1e-4


def find_training_data(run: Run, data: Path, workers: int | None = None) -> TrainingData:
    """Open the training data of a run, below ``data``. Processes without shared memory split ``data.cache_gb``.

    Raises:
        RestoreError: photographs are missing or broken, or packages or weights of the validation metric are missing.
    """
    copies = 1 if shares_memory() else max(1, workers or 0)
    budget = run.recipe.data.cache_gb * 2**30 / copies / run.team.local_size
    training_data = open_training_data(run.recipe, data, int(budget))
    if run.metric.applies_to(training_data.samples):
        _ = run.measure  # built now to report missing packages or weights before the run begins
    return training_data


def train(run: Run, training_data: TrainingData, reporter: Reporter, workers: int | None = None) -> bool:
    """Train until the last step of the recipe, or until its patience runs out.

    Args:
        run: from :func:`restore.training.state.new_run` or :func:`restore.training.state.resume_run`.
        training_data: from :func:`find_training_data`.
        reporter: for progress and logs.
        workers: processes that cut patches; 0 cuts them between steps; None picks the fastest number.

    Returns:
        Whether the run is complete; False after Ctrl-C or SIGTERM, with the state saved.
    """
    status: Status = "failed"
    try:
        complete = _steps(run, training_data, reporter, workers)
        status = "finished" if complete else "interrupted"
    finally:  # the progress bar hides the cursor
        reporter.finish(status)
    return complete


def _steps(run: Run, training_data: TrainingData, reporter: Reporter, workers: int | None) -> bool:
    recipe = run.recipe
    samples, options = training_data.samples, recipe.validation
    baseline = None
    if run.metric.applies_to(samples):
        baseline = run.measure(unchanged(samples, recipe.scale), samples)
    reporter.start(run.step, recipe.train.steps, training_data.description, len(samples), baseline)
    skipped = SkippedPhotos(reporter.report)
    skipped.note(training_data.skipped)
    skipped.note_stores(training_data.dataset)
    for line in small_photos(training_data.dataset):
        reporter.report(line)
    if run.step == 0:
        for line in calibrate(run, training_data.dataset):
            reporter.report(line)
    loader, stopped = BatchLoader(run, training_data.dataset, workers, skipped.note), False
    with _stop_on_signal(run):
        for done, count in fill(run, training_data.dataset, loader.workers):
            reporter.preparing(done, count)
            if run.stopping and run.team.size == 1:
                break  # the first step then ends the run; with several processes, all must reach it
        skipped.note_stores(training_data.dataset)
        began = time.monotonic() - run.seconds
        result: Step | None = None
        while not run.finished:
            low, high, labels = _next(run, loader, result)
            try:
                result = update(run, low, high, labels)
            except ValueError as error:  # a loss that cannot be computed for these samples
                raise RecipeError(f"step {run.step}: {error}") from error
            run.step += 1
            run.seconds = time.monotonic() - began
            if (note := loader.after_step()) is not None:
                reporter.report(note)
            reporter.step(run.step, result, run.optimizer.param_groups[0]["lr"], run.seconds, loader.share)
            saving = run.step == recipe.train.steps or run.step % recipe.train.save_every == 0
            if run.step == recipe.train.steps or run.step % options.every == 0:
                _check(run, result)
                _validate(run, training_data, reporter)
            stopped = run.team.any_process(run.stopping)
            if saving or stopped or run.finished:
                _check(run, result)
                run.save(LAST)
            if stopped:
                break
    if (total := skipped.summary()) is not None:
        reporter.report(total)
    if run.finished and run.step < recipe.train.steps:
        reporter.report(f"step {run.step}: no improvement in {run.stale} validations; training stops here")
    return run.finished


def _next(run: Run, loader: BatchLoader, result: Step | None) -> Samples:
    """The next step's samples.

    Raises:
        RestoreError: hardly any photograph can be decoded, here or in another process of the team; the run is saved
            first.
    """
    found: Samples | None = None
    problem: RestoreError | None = None
    try:
        found = next(loader)
    except RestoreError as error:
        problem = error
    if run.team.any_process(problem is not None):
        if result is not None:
            _check(run, result)
        run.save(LAST)
        raise problem or DataError("another process of this run could not read a photograph; see its message")
    assert found is not None
    return found


def _check(run: Run, result: Step) -> None:
    """Raise if the loss or its gradient is not finite, so that the last good checkpoint is not overwritten."""
    # In fp16, a step whose gradient overflows is skipped and the scale halved: only a vanishing scale is divergence.
    overflow = run.scaler is not None and run.scaler.get_scale() > _LEAST_SCALE
    if not (torch.isfinite(result.loss) and (overflow or torch.isfinite(result.norm))):
        raise RecipeError(
            f"the loss is {float(result.loss)}, its gradient {float(result.norm)}, at step {run.step}: the training "
            f"has diverged. Lower train.optimizer.lr. {run.folder / LAST}, if it exists, is from before that"
        )


def _validate(run: Run, training_data: TrainingData, reporter: Reporter) -> None:
    """Validate the averaged weights in the main process, and share the result with the others."""
    better, samples, scale = False, training_data.samples, run.recipe.scale
    if run.team.is_main:
        network = run.validated()
        results = [enlarge(network, sample.low, run.device) for sample in samples]
        value = run.measure(results, samples) if run.metric.applies_to(samples) else None
        if value is not None:
            better = run.metric.improves(value, run.best)
            run.best, run.stale = (value, 0) if better else (run.best, run.stale + 1)
        reporter.validation(run.step, value, run.best, validation_sheet(results, samples, scale))
    best, stale = run.team.broadcast(run.best, run.stale)
    run.best, run.stale = best, int(stale)
    if better:
        run.save(BEST)


@contextmanager
def _stop_on_signal(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run after the current step; a second Ctrl-C ends it at once."""

    def stop(number: int, _: object) -> None:
        run.stopping = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def calibrate(run: Run, patches: PairDataset) -> Iterator[str]:
    """Calibrate every loss that needs it on the first samples of the training data.

    Args:
        run: at step 0; later, the checkpoint restores the calibration.
        patches: training samples.

    Yields:
        Lines of text that describe the result.
    """
    for options, term in run.terms:
        if term.calibration_samples:
            lines = term.calibrate(_batches(run, patches, term.calibration_samples))
            yield from (f"{options.kind}: {line}" for line in lines)
    run.team.sync(run.modules.values())


def _batches(run: Run, patches: PairDataset, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    size = run.recipe.train.batch
    for first in range(0, count, size):
        samples = [patches.draw(number) for number in range(first, min(first + size, count))]
        low, high = torch.stack([one.low for one in samples]), torch.stack([one.high for one in samples])
        yield on_device(low, run.device), on_device(high, run.device)
