"""Calibration of losses before step 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from restore.data.dataset import PairDataset
from restore.training.data_loading import on_device
from restore.training.run import Run


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
