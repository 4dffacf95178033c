"""Batches one after another, cut by as many worker processes as make the run fastest."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from restore.data.dataset import PairDataset
from restore.runtime.cpu import usable_cores
from restore.training.data_loading import Samples, batches
from restore.training.loader_stats import Waited
from restore.training.state import Run

# Of a trial: steps that are not timed, in which workers start, and steps that are.
SETTLE, TRIAL = 10, 40
# Share of the time spent waiting above which workers are tried, and how much faster they must be to stay.
_WAITING, _GAIN = 0.05, 1.05


class BatchLoader:
    """The batches of a run from its current step on.

    Which samples a step sees depends on the step alone, so the number of workers can change while a run goes on. By
    default the first steps are timed without workers; where they wait for their batches, as many workers as would keep
    up are tried, and kept if the steps are faster.

    Args:
        run: at the step to begin at.
        patches: that it learns from.
        workers: processes that cut patches; 0 cuts them between the steps; None to find out.
    """

    def __init__(self, run: Run, patches: PairDataset, workers: int | None) -> None:
        self._run, self._patches = run, patches
        self._auto = workers is None
        self.workers = workers or 0
        self._steps: Iterator[Samples] | None = None
        self._waited = Waited(self.workers)
        self._count, self._began, self._waiting = 0, 0.0, 0.0
        self._without: float | None = None

    def __next__(self) -> Samples:
        began = time.monotonic()
        if self._steps is None:
            self._steps = batches(self._run, self._patches, self.workers)
        with self._waited:
            samples = next(self._steps)
        if self._count == SETTLE:
            self._began, self._waiting = began, 0.0
        self._waiting += time.monotonic() - began
        return samples

    def share(self) -> float:
        """Of the time since it was last asked for, how much was spent waiting for batches, 0..1."""
        return self._waited.share()

    def after_step(self) -> str | None:
        """To be called after each step: what is worth a line on the console, if anything."""
        if not self._auto:
            return self._waited.advice()
        self._count += 1
        if self._count < SETTLE + TRIAL:
            return None
        seconds = (time.monotonic() - self._began) / TRIAL
        return self._judge(seconds, self._waiting / TRIAL)

    def _judge(self, seconds: float, waiting: float) -> str | None:
        """After a trial: go on, try workers, or go back to none."""
        if self._without is None:
            wanted = math.ceil(waiting / max(1e-9, seconds - waiting))
            workers = min(wanted, usable_cores() - 1)
            if waiting < _WAITING * seconds or workers < 1:
                self._auto = False
                return None
            self._without = seconds
            self._restart(workers)
            return None
        tried, before = f"{self.workers} worker{'s' * (self.workers > 1)}", self._without
        self._auto = False
        if seconds * _GAIN < before:
            return f"{tried}: {1 / seconds:.1f} steps/s, without {1 / before:.1f}"
        self._restart(0)
        return f"no workers: {1 / before:.1f} steps/s, with {tried} {1 / seconds:.1f}"

    def _restart(self, workers: int) -> None:
        self.workers, self._count, self._steps = workers, 0, None
        self._waited = Waited(workers)
