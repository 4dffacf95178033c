"""The moving average of the weights that is validated and exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def warm_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Update for ``torch.optim.swa_utils.AveragedModel``: an exponential average that forgets faster at first.

    After n updates the decay is ``min(decay, (1 + n) / (10 + n))``. With a constant 0.999 a network that has trained
    for 1000 steps is still a third its random start, and every early validation says so.
    """

    @torch.no_grad()
    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], count: torch.Tensor) -> None:
        n = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
