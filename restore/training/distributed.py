"""Several processes at one run, started by torchrun: each takes its share of every batch, gradients are averaged.

Not torch's DistributedDataParallel: a step runs two networks several times each, and some losses let some parameters
out, which its hooks do not bear. One sum over all gradients after the backward pass serves every recipe; with networks
this small there is nothing to hide it behind.
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
    """The processes of a run, as one of them sees it; alone by default.

    Attributes:
        rank: of this process; the first, 0, validates, saves and reports.
        size: number of processes.
        here: rank among those on this machine, which is the GPU's number too.
        size_here: number of those on this machine.
    """

    rank: int = 0
    size: int = 1
    here: int = 0
    size_here: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that validates, saves and reports."""
        return self.rank == 0

    def check_shares(self, batch: int, pieces: int) -> None:
        """Refuse a batch that cannot be shared evenly, each share in so many pieces.

        Raises:
            RecipeError: it cannot.
        """
        unit = self.size * pieces
        if batch % unit:
            how = f"{self.size} processes" + (f" in {pieces} pieces each" if pieces > 1 else "")
            raise RecipeError(
                f"train.batch = {batch} cannot be shared by {how}: it is the whole batch of a step; give a multiple of "
                f"{unit}, such as --set train.batch={-(-batch // unit) * unit}"
            )

    def share(self, samples: range) -> range:
        """Which of a step's samples are this process's."""
        each = len(samples) // self.size
        return samples[self.rank * each : (self.rank + 1) * each]

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the mean of all processes' gradients.

        A parameter that had a part in one process's share and none in another's counts there with a gradient of 0.
        """
        if self.size == 1:
            return
        parameters = list(parameters)
        # On the CPU: see anyone().
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
        """The means of scalars over the processes, by name; the names are the same in all."""
        if self.size == 1 or not values:
            return dict(values)
        stacked = torch.stack([value.detach().float() for value in values.values()])
        distributed.all_reduce(stacked)
        return dict(zip(values, (stacked / self.size).unbind(), strict=True))

    def anyone(self, flag: bool) -> bool:
        """Whether it holds in any of the processes."""
        if self.size == 1:
            return flag
        # On the CPU, whose backend is another: a GPU need not finish its queue for it.
        count = torch.tensor(int(flag))
        distributed.all_reduce(count)
        return bool(count)

    def heed(self, *values: float) -> list[float]:
        """The first process's numbers, in all."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(told, 0)
        return told.tolist()

    def align(self, modules: Iterable[nn.Module]) -> None:
        """Give every process the first one's parameters and buffers, and wait for all."""
        if self.size == 1:
            return
        for module in modules:
            for tensor in (*module.parameters(), *module.buffers()):
                distributed.broadcast(tensor.detach(), 0)
        distributed.barrier()


@contextmanager
def join_team(on_gpu: bool) -> Iterator[Team]:
    """The team that torchrun made this process part of, or this process alone."""
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield Team()
        return
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    try:
        numbers = [int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")]
        yield Team(*numbers)
        # gloo's threads still let go of the last tensors, for which they want the interpreter: one that ended meanwhile
        # would abort. What they are given here has no object in Python, and takes all of them a round to finish.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
