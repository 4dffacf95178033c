"""``restore train --check``: a batch through everything that a run does, to find what fails hours later."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.console import Console

from restore.data.sources.base import TrainingData
from restore.errors import RecipeError
from restore.training.checkpoint import LAST
from restore.training.data_loading import Samples, batches
from restore.training.logging import Step
from restore.training.loop import calibrate, find_training_data
from restore.training.skipped_photos import SkippedPhotos, small_photos
from restore.training.state import Run, new_run
from restore.training.step import update
from restore.training.train import Options, compiled, describe, prepared_device, read_recipe, refuse_existing_run
from restore.training.validation import enlarge, unchanged
from restore.utils.progress import waiting

# Steps that are timed in each phase of the run.
_TIMED = 3
# Parameters named in a message; the rest are counted.
_NAMED = 4


def check(
    recipe_path: Path,
    data: Path,
    folder: Path | None,
    options: Options,
    console: Console,
    export: Callable[[Path], str],
) -> None:
    """Rehearse a run and print its parameters, memory, speed and duration; leaves nothing behind.

    Args:
        recipe_path: recipe file.
        data: folder that the recipe's folder names are relative to.
        folder: folder that the run is meant for, which is only looked at.
        options: see :func:`restore.training.train.start`.
        console: for the results.
        export: exports a run's folder and verifies the file; returns a line about it.

    Raises:
        RestoreError: something of the run would fail.
    """

    def say(line: str) -> None:
        console.print(line, markup=False)

    recipe, inherited = read_recipe(recipe_path, options)
    if folder is not None:
        refuse_existing_run(folder)
    with tempfile.TemporaryDirectory() as temporary, prepared_device(options) as (device, team):
        if team.size > 1:
            raise RecipeError("--check runs in one process: start it without torchrun")
        for line in inherited:
            say(line)
        run = new_run(recipe, Path(temporary), device, team, options.start_from)
        for line in describe(run):
            say(line)
        with waiting("Reading the photographs", console):
            training_data = find_training_data(run, data, 0)
        _Rehearsal(run, training_data, say).all(options, console, export)


class _Rehearsal:
    """The parts of a run, one after the other."""

    def __init__(self, run: Run, data: TrainingData, say: Callable[[str], None]) -> None:
        self.run, self.data, self.say = run, data, say

    def all(self, options: Options, console: Console, export: Callable[[Path], str]) -> None:
        run, say = self.run, self.say
        if options.compile:
            run.call = compiled(run, console)
        cutting, samples = self._read()
        for line in calibrate(run, self.data.dataset):
            say(line)
        training = self._steps(samples)
        say(f"memory: {_memory(run.device)}")
        validating = self._validate()
        run.save(LAST)
        say(f"export: {export(run.folder)}")
        count = run.recipe.train.steps
        validations = -(-count // run.recipe.validation.every)
        say(
            f"the run: {count:,} steps take about {_duration(training + validations * validating)}, of which "
            f"{_duration(validations * validating)} for {validations:,} validation{'s' * (validations != 1)}"
        )
        if cutting > training / count:
            say("cutting a batch takes longer than a step: the run will try worker processes")

    def _read(self) -> tuple[float, Samples]:
        """Seconds to cut a batch, and the first one."""
        skipped = SkippedPhotos(self.say)
        skipped.note(self.data.skipped)
        skipped.note_stores(self.data.dataset)
        self.say(f"data: {self.data.description}, {len(self.data.samples)} to validate on")
        for line in small_photos(self.data.dataset):
            self.say(line)
        times = []
        for _ in range(2):  # the second time, its photographs are in memory
            began = time.monotonic()
            first = next(batches(self.run, self.data.dataset, 0, skipped.note))
            times.append(time.monotonic() - began)
        low, high, _ = first
        self.say(
            f"batch: {_shape(low)} -> {_shape(high)}, read in {_duration(times[0])}, and cut in {_duration(times[1])} "
            "once its photographs are in memory"
        )
        return times[1], first

    def _steps(self, samples: Samples) -> float:
        """Do steps of every phase of the run; seconds of the whole run."""
        run, total = self.run, 0.0
        idle = {name for name, one in run.network.named_parameters() if one.requires_grad}
        firsts = list(_phases(run))
        for first, last in zip(firsts, [*firsts[1:], run.recipe.train.steps], strict=True):
            run.step = first
            result = self._step(samples)
            began = time.monotonic()
            for _ in range(_TIMED):
                self._step(samples)
            seconds = (time.monotonic() - began) / _TIMED
            total += seconds * (last - first)
            parts = ", ".join(f"{name} {float(value):.4g}" for name, value in result.parts.items())
            of = f" ({parts})" if len(result.parts) > 1 else ""
            self.say(
                f"steps {first:,} to {last - 1:,}: {_duration(seconds)} each, {1 / seconds:.2g} a second; "
                f"loss {float(result.loss):.4g}{of}, gradient {float(result.norm):.3g}"
            )
            idle -= {name for name, one in run.network.named_parameters() if _learns(one)}
        run.step = len(firsts)
        if idle:
            names = sorted(idle)
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            self.say(f"no gradient reaches {', '.join(names[:_NAMED])}{more}: no loss trains them")
        return total

    def _step(self, samples: Samples) -> Step:
        result = update(self.run, *samples)
        if not (torch.isfinite(result.loss) and (self.run.scaler or torch.isfinite(result.norm))):
            raise RecipeError(
                f"step {self.run.step}: the loss is {float(result.loss)}, its gradient {float(result.norm)}"
            )
        return result

    def _validate(self) -> float:
        """Validate once; seconds that it takes."""
        run, samples = self.run, self.data.samples
        began = time.monotonic()
        network = run.validated()
        results = [enlarge(network, sample.low, run.device) for sample in samples]
        if not run.metric.applies_to(samples):
            seconds = time.monotonic() - began
            self.say(f"validation: {len(samples)} pictures in {_duration(seconds)}, without targets to measure by")
            return seconds
        value = run.measure(results, samples)
        seconds = time.monotonic() - began
        baseline = run.measure(unchanged(samples, run.recipe.scale), samples)
        self.say(
            f"validation: {len(samples)} pictures in {_duration(seconds)}, {run.metric.format(value)} before training; "
            f"unchanged: {run.metric.format(baseline)}"
        )
        return seconds


def _phases(run: Run) -> Iterator[int]:
    """First steps of the phases: a loss begins or ends, the discriminator begins, or prompts and network take turns."""
    recipe = run.recipe
    firsts = {0, *(step for loss in recipe.losses for step in (loss.begin, loss.end or 0))}
    if recipe.discriminator is not None:
        firsts.add(recipe.discriminator.begin)
    if (turns := recipe.guidance) is not None:
        rounds = turns.begin + turns.reconstruct
        firsts |= {turns.begin, rounds, rounds + turns.enhance}
    return iter(sorted(step for step in firsts if step < recipe.train.steps))


def _learns(parameter: torch.nn.Parameter) -> bool:
    return parameter.grad is not None and bool(parameter.grad.any())


def _shape(pictures: torch.Tensor) -> str:
    return " x ".join(map(str, pictures.shape))


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        used, whole = torch.cuda.max_memory_allocated(device), torch.cuda.get_device_properties(device).total_memory
        return f"at most {used / 2**30:.2f} of {whole / 2**30:.1f} GiB of the GPU"
    try:
        import resource
    except ImportError:  # Windows
        return "unknown on this system"
    unit = 1 if sys.platform == "darwin" else 1024
    return f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.2f} GiB for this process"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
