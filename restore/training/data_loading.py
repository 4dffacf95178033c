"""Loading of batches. They are the same for any number of worker processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from restore.data.dataset import Drawn, PairDataset
from restore.errors import RestoreError
from restore.training.state import Run

# Photographs are decoded before the first step if the run will draw at least this many samples from each.
_WORTH_FILLING = 2

# Inputs (N, 3, h, w) and targets (N, 3, H, W) on 0..1, and the labels of the inputs, (N,).
Samples = tuple[Tensor, Tensor, Tensor]

# One sample, or why none can be drawn.
_Sample = Drawn | RestoreError


class _ErrorsAsValues(Dataset[_Sample]):
    """Returns errors instead of raising them: a worker process would put a whole traceback into the message."""

    def __init__(self, patches: PairDataset) -> None:
        self.patches = patches

    def __getitem__(self, number: int) -> _Sample:
        try:
            return self.patches.draw(number)
        except RestoreError as error:
            return error


class _Batch(NamedTuple):
    low: Tensor
    high: Tensor
    labels: Tensor
    skipped: list[str]


def _collate(samples: list[_Sample]) -> _Batch | RestoreError:
    """A batch, or the first error in it."""
    errors = [sample for sample in samples if isinstance(sample, RestoreError)]
    if errors:
        return errors[0]
    drawn = [sample for sample in samples if isinstance(sample, Drawn)]
    low, high = (_stack(side) for side in ([one.low for one in drawn], [one.high for one in drawn]))
    skipped = [reason for one in drawn for reason in one.skipped]
    return _Batch(low, high, torch.tensor([one.label for one in drawn]), skipped)


def _stack(images: Sequence[Tensor]) -> Tensor:
    """Images (3, H, W) as (N, 3, H, W), with channels last in memory as in the original arrays."""
    stacked: Tensor = default_collate([image.permute(1, 2, 0) for image in images])
    return stacked.permute(0, 3, 1, 2)


def _ignore_signals(_worker: int) -> None:
    """Ignore signals: terminals and batch systems signal the workers too, but the run saves first, then ends them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def batches(
    run: Run, patches: PairDataset, workers: int, skipped: Callable[[list[str]], object] = lambda _: None
) -> Iterator[Samples]:
    """This process's share of each batch, starting at the run's step. The samples of a step depend on its number only.

    Args:
        run: at the step to start from.
        patches: training samples.
        workers: processes that cut patches.
        skipped: called with messages about photographs that could not be decoded; others took their place.

    Raises:
        RestoreError: hardly any photograph can be decoded.
    """
    steps = range(run.step, run.recipe.train.steps)
    loader: DataLoader[_Sample] = DataLoader(
        _ErrorsAsValues(patches),
        batch_sampler=map(run.sample_numbers, steps),
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_ignore_signals,
        pin_memory=run.device.type == "cuda",
        multiprocessing_context="fork" if workers and shares_memory() else None,
    )
    for found in loader:
        if isinstance(found, RestoreError):
            raise found
        if found.skipped:
            skipped(found.skipped)
        yield on_device(found.low, run.device), on_device(found.high, run.device), found.labels.to(run.device)


def on_device(images: Tensor, device: torch.device) -> Tensor:
    """Move uint8 samples (N, 3, H, W) to the device and scale them to 0..1."""
    return images.to(device, non_blocking=True, memory_format=torch.channels_last).div(255.0)


def shares_memory() -> bool:
    """Whether worker processes share pictures that this process has decoded, without a copy."""
    return "fork" in multiprocessing.get_all_start_methods()


def fill(run: Run, patches: PairDataset, workers: int) -> Iterator[tuple[int, int]]:
    """Decode the photographs before the first step, if the run is long enough for that to pay.

    Decoding a photograph while a step waits for it costs the same time, but stalls the step. If each worker decodes it
    on its own, that multiplies the time and memory.

    Args:
        run: about to start or resume.
        patches: training samples.
        workers: processes that will cut patches.

    Yields:
        The number of photographs done, and the total.
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
        store.free //= max(1, workers)  # each worker gets its share of the remaining budget
