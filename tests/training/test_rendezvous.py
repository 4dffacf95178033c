"""Processes of a team meet in torch's store, whatever earlier attempts have left there."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch
from torch.distributed import DistStoreError, HashStore, PrefixStore, Store

from restore.errors import DeviceError
from restore.training.rendezvous import attempt_store, explained

SHORT = timedelta(seconds=0.2)
LONG = timedelta(seconds=30)


def meet(store: Store, size: int, order: list[int]) -> list[Store]:
    with ThreadPoolExecutor(size) as pool:
        waiting = {rank: pool.submit(attempt_store, store, rank, size, LONG) for rank in order}
        return [waiting[rank].result() for rank in range(size)]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_each_attempt_has_keys_of_its_own(order: list[int]) -> None:
    shared = HashStore()
    for attempt in range(3):
        first, *others = meet(shared, 3, order)
        assert not first.check(["address"]), "nothing of the attempt before"
        first.set("address", str(attempt))
        assert [store.get("address") for store in others] == [str(attempt).encode()] * 2


def test_what_a_dead_attempt_has_left_is_not_believed() -> None:
    """Rank 1 comes first, and finds the name, and even the list, of an attempt whose first process is dead."""
    shared = HashStore()
    shared.set("restore/attempt", "dead")
    shared.set("restore/dead/1", "another word")
    shared.set("restore/dead/all", json.dumps(["another word"]))
    first, second = meet(shared, 2, [1, 0])
    first.set("address", "here")
    assert second.get("address") == b"here"
    assert not PrefixStore("restore/dead", shared).check(["address"])


def test_those_who_wait_in_vain_end() -> None:
    with pytest.raises(DistStoreError):
        attempt_store(HashStore(), 0, 2, SHORT)
    with pytest.raises(DistStoreError):
        attempt_store(HashStore(), 1, 2, SHORT)
    old = HashStore()
    old.set("restore/attempt", "dead")
    with pytest.raises(DistStoreError):
        attempt_store(old, 1, 2, SHORT)
    old.set("restore/dead/all", json.dumps(["another word"]))
    with pytest.raises(DistStoreError, match="the first process has not come"):
        attempt_store(old, 1, 2, SHORT)


def test_errors_of_torch_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "node-7")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(DeviceError) as caught, explained(1, 4, met=False):
        raise DistStoreError("wait timeout after 5 ms. Keys: /restore/attempt")
    assert str(caught.value).startswith(
        "process 2 of 4 did not find the others at node-7:29500 (wait timeout after 5 ms):"
    )
    assert "GLOO_SOCKET_IFNAME" in str(caught.value)
    gloo = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:545] Read error [10.0.0.2]:3043: Connection reset by peer. This is"
    with pytest.raises(DeviceError) as caught, explained(0, 4, met=True):
        raise RuntimeError(gloo)
    assert str(caught.value).startswith(
        "process 1 of 4 has lost another (Read error [10.0.0.2]:3043: Connection reset by peer), whose own message says why"
    )
    assert "--resume" in str(caught.value)
    with pytest.raises(RuntimeError, match="shapes"), explained(0, 4, met=True):
        raise RuntimeError("shapes cannot be multiplied")


def test_torch_times_out_with_the_error_that_is_explained() -> None:
    """Against the types that torch really raises."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with pytest.raises(DeviceError, match=r"process 1 of 2 did not find the others"), explained(0, 2, met=False):
        attempt_store(store, 0, 2, SHORT)
    with pytest.raises(DeviceError, match=r"process 2 of 2 did not find the others"), explained(1, 2, met=False):
        torch.distributed.TCPStore("127.0.0.1", store.port + 1, is_master=False, timeout=SHORT)
