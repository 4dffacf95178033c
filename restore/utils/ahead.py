"""Compute the next element of an iterator while the current one is in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from restore.utils.daemon_pool import DaemonPool

T = TypeVar("T")


def one_ahead(elements: Iterator[T]) -> Iterator[T]:
    """The elements of an iterator, each computed in a thread while the one before is in use; raises what it raises.

    The thread is left behind if it hangs when nobody needs it any more.
    """
    end = object()
    pool = DaemonPool(1)
    try:
        coming = pool.submit(next, elements, end)
        while (element := coming.result()) is not end:
            coming = pool.submit(next, elements, end)
            yield element
    finally:
        pool.close(cancel=True, seconds=0)
