"""How the processes that torchrun has started find each other."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from torch import distributed
from torch.distributed import DistStoreError
from torch.distributed.distributed_c10d import PrefixStore, Store

from restore.errors import DeviceError

# All have been started by the time that one of them is here; what is left is to import torch.
PATIENCE = timedelta(minutes=5)
_ATTEMPT = "restore/attempt"
_ASK_SECONDS = 1.0


def attempt_store(store: Store, rank: int, size: int, patience: timedelta = PATIENCE) -> Store:
    """The part of a store that belongs to the processes that are meeting now.

    torchrun keeps its store when it starts all processes again. There, gloo finds the addresses of the earlier ones and
    cannot connect, unless each attempt has keys of its own. The number of restarts does not tell attempts apart: each
    machine counts its own, from the time when it joined. So rank 0 names the attempt, and the others answer with a word
    of their own until it lists that: a name and a list that an earlier attempt has left do not.

    Args:
        store: shared by all processes.
        rank: of this process.
        size: number of processes.
        patience: how long to wait for the others.

    Raises:
        DistError: the others did not come in time, or the store has gone.
    """
    until = time.monotonic() + patience.total_seconds()
    if rank == 0:
        attempt = uuid.uuid4().hex
        store.set(_ATTEMPT, attempt)
        keys = [f"restore/{attempt}/{other}" for other in range(1, size)]
        store.wait(keys, patience)
        heard = [store.get(key).decode() for key in keys]
        store.set(f"restore/{attempt}/all", json.dumps(heard))
        return PrefixStore(f"restore/{attempt}", store)
    word = uuid.uuid4().hex
    while True:
        store.wait([_ATTEMPT], patience)
        attempt = store.get(_ATTEMPT).decode()
        store.set(f"restore/{attempt}/{rank}", word)
        try:
            store.wait([f"restore/{attempt}/all"], timedelta(seconds=_ASK_SECONDS))
        except DistStoreError:
            if time.monotonic() > until:
                raise
            continue
        if word in json.loads(store.get(f"restore/{attempt}/all")):
            return PrefixStore(f"restore/{attempt}", store)
        if time.monotonic() > until:
            raise DistStoreError("the first process has not come")
        time.sleep(_ASK_SECONDS / 10)


@contextmanager
def explained(rank: int, size: int, met: bool) -> Iterator[None]:
    """Say in plain words that the processes of a team did not meet, or that one was lost.

    Args:
        rank: of this process.
        size: number of processes.
        met: whether they have met before.

    Raises:
        DeviceError: instead of the errors of torch and gloo.
    """
    try:
        yield
    except RuntimeError as error:
        if not _is_about_others(error):
            raise
        who = f"process {rank + 1} of {size}"
        if not met:
            place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            raise DeviceError(
                f"{who} did not find the others at {place} ({_reason(error)}): check that the machines reach each "
                "other by their host names, or name the network interface (GLOO_SOCKET_IFNAME, NCCL_SOCKET_IFNAME). "
                "Several machines with --max-restarts need TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1"
            ) from error
        raise DeviceError(
            f"{who} has lost another ({_reason(error)}), whose own message says why. To go on from the last "
            "checkpoint, repeat the command with --resume; torchrun --max-restarts does it by itself"
        ) from error


def _is_about_others(error: RuntimeError) -> bool:
    return isinstance(error, distributed.DistError) or "gloo" in str(error).lower()


def _reason(error: RuntimeError) -> str:
    """The first sentence of an error, without the place in the source that it comes from."""
    text = re.sub(r"^\[[^\]]*\]\s*", "", str(error).strip() or type(error).__name__)
    return text.splitlines()[0].partition(". ")[0].rstrip(".")
