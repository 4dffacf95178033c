"""Measures how long a training run waits for batches, and suggests a number of workers."""

from __future__ import annotations

import math
import time

from restore.runtime.cpu import usable_cores

# Measured steps, not counting the slow first one, and the share of waiting above which a message is shown.
STEPS, SHARE = 200, 0.3


class LoaderStats:
    """Context manager to use around waiting for the samples of a step.

    Args:
        workers: processes that cut patches; 0 for none.
    """

    def __init__(self, workers: int) -> None:
        self._workers, self._steps, self._waited = workers, 0, 0.0
        self._began = self._since = time.monotonic()
        self._asked, self._before = self._began, 0.0

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self._steps += 1
        if self._steps == 1:
            self._began = self._asked = now
        else:
            self._waited += now - self._since

    def share(self) -> float:
        """Share of the time since the last call that was spent waiting, 0..1; the first step does not count."""
        now = time.monotonic()
        share = (self._waited - self._before) / max(1e-9, now - self._asked)
        self._asked, self._before = now, self._waited
        return min(1.0, share)

    def advice(self) -> str | None:
        """After :data:`STEPS` steps, once: how many workers would keep up, if the current ones do not."""
        if self._steps != STEPS + 1:
            return None
        share = self._waited / max(1e-9, time.monotonic() - self._began)
        # Loading a batch must not take longer than the rest of a step.
        wanted = math.ceil((self._workers or share) / max(1e-9, 1 - share))
        workers = min(wanted, usable_cores())
        if share < SHARE or workers <= self._workers:
            return None
        return f"{share:.0%} of the time is spent waiting for batches: try --workers {workers}"
