"""Run work in threads ahead of its use, with results in order and bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Memory limit in bytes for all items in flight; a larger item is processed alone.
_MEMORY = 1 << 30


def prefetch(
    items: Sequence[T], work: Callable[[T], R], workers: int, cost: Callable[[T], int], memory: int = _MEMORY
) -> Iterator[R]:
    """Yield ``work(item)`` for every item in order, starting some before they are needed.

    Args:
        items: inputs of ``work``.
        work: called in threads; its exceptions are raised here.
        workers: number of threads.
        cost: bytes that an item takes while in progress or waiting.
        memory: limit of the total cost, in bytes.
    """
    begun: deque[tuple[Future[R], int]] = deque()
    held = 0
    waiting = deque(items)
    with ThreadPoolExecutor(workers) as pool:
        try:
            while waiting or begun:
                while waiting and len(begun) < 2 * workers:
                    needed = cost(waiting[0])
                    if begun and held + needed > memory:
                        break
                    held += needed
                    begun.append((pool.submit(work, waiting.popleft()), needed))
                future, needed = begun.popleft()
                yield future.result()
                held -= needed
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
