"""Iterates over training batches and picks the number of worker processes that makes a run fastest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from restore.data.dataset import PairDataset
from restore.runtime.cpu import usable_cores
from restore.training.data_loading import Samples, batches
from restore.training.loader_stats import LoaderStats
from restore.training.state import Run

# Steps of a trial: first untimed ones, while workers start, then timed ones.
SETTLE, TRIAL = 10, 40
# Workers are tried if more than this share of the time is spent waiting, and kept if they are this much faster.
_WAITING, _GAIN = 0.05, 1.05


class BatchLoader:
    """The batches of a run, starting at its current step.

    The samples of a step depend only on the step number, so the number of workers can change during a run. By default,
    the first steps are timed without workers. If they wait for batches, the loader tries enough workers to keep up and
    keeps them if steps become faster.

    Args:
        run: the run, at the step to start from.
        patches: training samples.
        workers: processes that cut patches; 0 cuts them between steps; None chooses automatically.
        skipped: called with messages about photographs that could not be decoded.
    """

    def __init__(
        self,
        run: Run,
        patches: PairDataset,
        workers: int | None,
        skipped: Callable[[list[str]], object] = lambda _: None,
    ) -> None:
        self._run, self._patches, self._skipped = run, patches, skipped
        self._auto = workers is None
        self.workers = workers or 0
        self._steps: Iterator[Samples] | None = None
        self._stats = LoaderStats(self.workers)
        self._count, self._began, self._waiting = 0, 0.0, 0.0
        self._without: float | None = None

    def __next__(self) -> Samples:
        began = time.monotonic()
        if self._steps is None:
            self._steps = batches(self._run, self._patches, self.workers, self._skipped)
        with self._stats:
            samples = next(self._steps)
        if self._count == SETTLE:
            self._began, self._waiting = began, 0.0
        self._waiting += time.monotonic() - began
        return samples

    def share(self) -> float:
        """Share of the time since the last call that was spent waiting for batches, 0..1."""
        return self._stats.share()

    def after_step(self) -> str | None:
        """Call this after each step. Returns a line for the console, or None."""
        if not self._auto:
            return self._stats.advice()
        self._count += 1
        if self._count < SETTLE + TRIAL:
            return None
        seconds = (time.monotonic() - self._began) / TRIAL
        return self._evaluate_trial(seconds, self._waiting / TRIAL)

    def _evaluate_trial(self, seconds: float, waiting: float) -> str | None:
        """After a trial, continue as before, try workers, or go back to none."""
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
        self._stats = LoaderStats(workers)
