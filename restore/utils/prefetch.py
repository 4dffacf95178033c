"""Work in threads, results in order, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Bytes that all pictures under way may take; one that needs more is alone.
_MEMORY = 1 << 30


def ahead(
    items: Sequence[T], work: Callable[[T], R], workers: int, cost: Callable[[T], int], memory: int = _MEMORY
) -> Iterator[R]:
    """Give ``work(item)`` of every item in order, some of them begun before they are asked for.

    Args:
        items: what to do.
        work: called in threads; what it raises is raised here.
        workers: threads.
        cost: bytes that an item takes while it is worked on or waits to be asked for.
        memory: bytes that those together may take.
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
