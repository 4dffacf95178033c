"""Learning rate schedule and weight averaging, from the options of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from restore.training.train_options import Schedule

_Parameters = tuple[torch.Tensor, ...] | list[torch.Tensor]


def rate(schedule: Schedule, step: int, steps: int) -> float:
    """Learning rate at ``step`` (from 0) of ``steps``, as a fraction of the peak.

    It depends on the step only, so there is no state to save or restore.
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


def warm_average(decay: float) -> Callable[[_Parameters, _Parameters, torch.Tensor | int], None]:
    """Update for ``torch.optim.swa_utils.AveragedModel``: an exponential average that forgets faster at first.

    After n updates the decay is ``min(decay, (1 + n) / (10 + n))``. With a constant decay of 0.999, the random initial
    weights would still make up a third of the average after 1000 steps and spoil every early validation.
    """

    @torch.no_grad()
    def update(averaged: _Parameters, current: _Parameters, count: torch.Tensor | int) -> None:
        n = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update


@runtime_checkable
class KeepsAverage(Protocol):
    """An optimizer that averages the weights by itself."""

    def averaged(self, parameter: Tensor) -> Tensor:
        """The average of a parameter's weights; the parameter itself before the first step."""


@torch.no_grad()
def update_average(average: AveragedModel, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring the averaged weights up to date after a step: by the optimizer's own average if it keeps one."""
    average.update_parameters(network)
    if isinstance(optimizer, KeepsAverage):
        for mean, parameter in zip(average.module.parameters(), network.parameters(), strict=True):
            mean.copy_(optimizer.averaged(parameter))
