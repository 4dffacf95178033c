"""The batches of a run: decoded ahead, cut in this process or beside it, the same whatever the number of workers."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from restore.data.dataset import PairDataset
from restore.errors import RestoreError
from restore.training.state import Run

# Photographs are decoded before the first step where the run will draw from each so many times.
_WORTH_FILLING = 2

# Inputs and targets, (N, 3, h, w) and (N, 3, H, W) on 0..1, and the inputs' labels, (N,).
Samples = tuple[Tensor, Tensor, Tensor]


class _Told(Dataset[Any]):
    """Samples whose errors are values: a worker process would send a traceback for a message."""

    def __init__(self, patches: PairDataset) -> None:
        self.patches = patches

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor] | RestoreError:
        try:
            return self.patches[number]
        except RestoreError as error:
            return error


def _together(samples: list[Any]) -> Any:
    """A batch, or the first error among its samples."""
    errors = [sample for sample in samples if isinstance(sample, RestoreError)]
    return errors[0] if errors else [_stacked(side) for side in zip(*samples, strict=True)]


def _stacked(images: Sequence[Tensor]) -> Tensor:
    """Images (3, H, W) as (N, 3, H, W), with the channels last in memory, where the arrays had them."""
    stacked: Tensor = default_collate([image.permute(1, 2, 0) for image in images])
    return stacked.permute(0, 3, 1, 2)


def _leave_signals_to_the_run(_worker: int) -> None:
    """Terminals and batch systems signal every process of a job: the run saves first, and then ends its workers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def batches(run: Run, patches: PairDataset, workers: int) -> Iterator[Samples]:
    """This process's share of the batches from the run's step on; which samples a step sees depends on it alone.

    Raises:
        RestoreError: a photograph cannot be decoded.
    """
    size = run.recipe.train.batch
    steps = range(run.step, run.recipe.train.steps)
    shares = [run.team.share(range(step * size, (step + 1) * size)) for step in steps]
    loader: DataLoader[Any] = DataLoader(
        _Told(patches),
        batch_sampler=map(list, shares),
        num_workers=workers,
        collate_fn=_together,
        worker_init_fn=_leave_signals_to_the_run,
        pin_memory=run.device.type == "cuda",
        multiprocessing_context="fork" if workers and shares_memory() else None,
    )
    for found, share in zip(loader, shares, strict=True):
        if isinstance(found, RestoreError):
            raise found
        low, high = found
        labels = torch.tensor([patches.label(number) for number in share])
        yield on_device(low, run.device), on_device(high, run.device), labels.to(run.device)


def on_device(images: Tensor, device: torch.device) -> Tensor:
    """Samples (N, 3, H, W), uint8, as a run takes them: on 0..1."""
    return images.to(device, non_blocking=True, memory_format=torch.channels_last).div(255.0)


def shares_memory() -> bool:
    """Whether worker processes see what this process has decoded without copying it."""
    return "fork" in multiprocessing.get_all_start_methods()


def fill(run: Run, patches: PairDataset, workers: int) -> Iterator[tuple[int, int]]:
    """Decode the photographs before the first step, where the run is long enough for that to pay.

    A photograph that is decoded while a step waits for it costs the same and is waited for; one that each of several
    workers decodes for itself costs several times as much, in time and in memory.

    Args:
        run: about to begin or to continue.
        patches: that it learns from.
        workers: processes that will cut patches.

    Yields:
        How many photographs are done, and of how many.
    """
    stores = patches.stores()
    count = sum(len(store) for store in stores)
    samples = (run.recipe.train.steps - run.step) * run.recipe.train.batch // run.team.size
    if samples < _WORTH_FILLING * count or (workers and not shares_memory()):
        return
    done = 0
    for store in stores:
        yield from ((done + number, count) for number in store.fill())
        done += len(store)
    for store in stores:
        store.free //= max(1, workers)  # what is left is each worker's own
