"""Give up on work that makes no progress, such as reading from a network share that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class StalledError(Exception):
    """Work made no progress for longer than its limit."""


def unless_stalled(work: Callable[[Callable[[], None]], T], seconds: float) -> T:
    """Run work in another thread, and leave that thread behind if it stalls.

    Nothing can end a thread that waits inside the operating system. It is a daemon, so it does not keep the process
    from ending.

    Args:
        work: is given a function to call whenever it makes progress. Its exceptions are raised here.
        seconds: longest time without progress; 0 for no limit.

    Raises:
        StalledError: that time has passed.
    """
    if not seconds:
        return work(lambda: None)
    future: Future[T] = Future()
    moved = time.monotonic()

    def progress() -> None:
        nonlocal moved
        moved = time.monotonic()

    def run() -> None:
        try:
            future.set_result(work(progress))
        except BaseException as error:
            future.set_exception(error)

    if (helper := getattr(_local, "helper", None)) is None:
        helper = _local.helper = _Helper()
    helper.tasks.put(run)
    while not wait([future], max(0.0, moved + seconds - time.monotonic())).done:
        if time.monotonic() - moved >= seconds:
            del _local.helper
            raise StalledError(f"no progress for {seconds:g} s")
    return future.result()


class _Helper:
    """A thread that works for the thread that made it, because starting one for each file takes too long."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_serve, args=(self.tasks,), daemon=True, name="restore-read").start()

    def __del__(self) -> None:
        self.tasks.put(None)


def _serve(tasks: SimpleQueue[Callable[[], None] | None]) -> None:
    while (task := tasks.get()) is not None:
        task()
        del task  # it holds what was read


_local = threading.local()
