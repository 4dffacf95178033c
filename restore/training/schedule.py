"""Learning rate over the steps of a run."""

from __future__ import annotations

import math

from restore.training.recipe import Schedule


def rate(schedule: Schedule, step: int, steps: int) -> float:
    """Learning rate at ``step`` (from 0) of ``steps``, as a fraction of the peak.

    A function of the step alone: nothing to save, nothing to restore.
    """
    each = steps / len(schedule.peaks)
    cycle = min(int(step / each), len(schedule.peaks) - 1)
    return schedule.peaks[cycle] * _cycle(schedule, step - cycle * each, each)


def _cycle(schedule: Schedule, step: float, steps: float) -> float:
    warmup = min(schedule.warmup, int(steps / 2))
    if step < warmup:
        return (step + 1) / warmup
    start = max(warmup, schedule.hold * steps)
    if step < start or steps <= start:
        return 1.0
    progress = min(1.0, (step - start) / (steps - start))
    return schedule.floor + (1 - schedule.floor) * 0.5 * (1 + math.cos(math.pi * progress))
