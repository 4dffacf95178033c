"""Training with several processes started by torchrun: each takes a share of every batch; gradients are averaged.

This does not use DistributedDataParallel: a step runs two networks several times each, and some losses skip some
parameters, which its hooks do not support. One all-reduce of all gradients after the backward pass works for every
recipe; networks this small leave no computation to overlap it with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from restore.errors import RecipeError


@dataclass(frozen=True)
class Team:
    """The processes of a run, from the point of view of one of them; a single process by default.

    Attributes:
        rank: rank of this process; rank 0 validates, saves and reports.
        size: number of processes.
        local_rank: rank among the processes on this machine; also the number of its GPU.
        local_size: number of processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process validates, saves and reports."""
        return self.rank == 0

    def check_shares(self, batch: int, pieces: int) -> None:
        """Check that a batch can be split evenly over the processes, and each share into ``pieces``.

        Raises:
            RecipeError: it cannot be split evenly.
        """
        unit = self.size * pieces
        if batch % unit:
            how = f"{self.size} processes" + (f" in {pieces} pieces each" if pieces > 1 else "")
            raise RecipeError(
                f"train.batch = {batch} cannot be split over {how}. It counts the samples of all processes; use a "
                f"multiple of {unit}, such as --set train.batch={-(-batch // unit) * unit}"
            )

    def share(self, samples: range) -> range:
        """This process's share of the samples of a step."""
        each = len(samples) // self.size
        return samples[self.rank * each : (self.rank + 1) * each]

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Set the gradients of every process to their mean over all processes.

        A parameter that was used by some processes only counts as a gradient of 0 in the others.
        """
        if self.size == 1:
            return
        parameters = list(parameters)
        # On the CPU: see any_process.
        had = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
        distributed.all_reduce(had, distributed.ReduceOp.MAX)
        gradients = []
        for parameter, anywhere in zip(parameters, had.tolist(), strict=True):
            if anywhere and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            if parameter.grad is not None:
                gradients.append(parameter.grad)
        if not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def average(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Means of scalars over all processes, by name; the names must be the same in every process."""
        if self.size == 1 or not values:
            return dict(values)
        stacked = torch.stack([value.detach().float() for value in values.values()])
        distributed.all_reduce(stacked)
        return dict(zip(values, (stacked / self.size).unbind(), strict=True))

    def any_process(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process."""
        if self.size == 1:
            return flag
        # On the CPU, which has a backend of its own, so that a GPU need not finish its queue first.
        count = torch.tensor(int(flag))
        distributed.all_reduce(count)
        return bool(count)

    def broadcast(self, *values: float) -> list[float]:
        """The numbers of rank 0, in every process."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(tensor, 0)
        return tensor.tolist()

    def sync(self, modules: Iterable[nn.Module]) -> None:
        """Copy the parameters and buffers of rank 0 to every process, and wait for all of them."""
        if self.size == 1:
            return
        for module in modules:
            for tensor in (*module.parameters(), *module.buffers()):
                distributed.broadcast(tensor.detach(), 0)
        distributed.barrier()


@contextmanager
def join_team(on_gpu: bool) -> Iterator[Team]:
    """The team that torchrun put this process in, or a team of one.

    Raises:
        DeviceError: the others were not found, or one of them was lost.
    """
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield Team()
        return
    from torch.distributed.distributed_c10d import default_pg_timeout
    from torch.distributed.rendezvous import rendezvous

    from restore.training.rendezvous import PATIENCE, attempt_store, explained

    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    with explained(rank, size, met=False):
        store, _, _ = next(iter(rendezvous("env://", timeout=PATIENCE)))
        store = attempt_store(store, rank, size)
        store.set_timeout(default_pg_timeout)  # what the process group waits for may take longer
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        with explained(rank, size, met=True):
            yield Team(rank, size, local_rank, local_size)
            # The threads of gloo may still be releasing the last tensors, which needs the interpreter; exiting now
            # would abort. A barrier holds no Python objects, and completes only after all of them have finished.
            distributed.barrier()
    finally:
        distributed.destroy_process_group()
