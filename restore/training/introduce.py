"""What losses see of the data before the first step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from restore.data.dataset import PairDataset
from restore.training.data_loading import on_device
from restore.training.run import Run


def introduce(run: Run, patches: PairDataset) -> Iterator[str]:
    """Show the samples that training begins with to every loss that wants to see some.

    Args:
        run: at step 0. Later, what was found comes with the checkpoint.
        patches: that the run learns from.

    Yields:
        What was found, in words, a line each.
    """
    for options, term in run.terms:
        if term.shown:
            yield from (f"{options.kind}: {line}" for line in term.introduce(_batches(run, patches, term.shown)))
    run.team.align(run.modules.values())


def _batches(run: Run, patches: PairDataset, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    size = run.recipe.train.batch
    for first in range(0, count, size):
        samples = [patches[number] for number in range(first, min(first + size, count))]
        low, high = (torch.stack(side) for side in zip(*samples, strict=True))
        yield on_device(low, run.device), on_device(high, run.device)
