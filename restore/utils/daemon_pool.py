"""A pool of threads that can be left behind when one of them hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_Task = tuple["Future[Any]", Callable[..., Any], tuple[object, ...]]
_left_behind: WeakSet[Thread] = WeakSet()


def threads_left_behind(seconds: float = 0.2) -> bool:
    """Whether threads of closed pools still run after a while. A normal exit of the interpreter could crash them."""
    deadline = time.monotonic() + seconds
    for thread in list(_left_behind):
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in _left_behind)


class DaemonPool:
    """Like ThreadPoolExecutor, but neither closing the pool nor the end of the process has to wait for its threads.

    Use as a context manager, which waits for all tasks unless :meth:`close` was called.

    Args:
        workers: number of threads, started when they are needed.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads: list[Thread] = []
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._closed = False

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Run a function in a thread."""
        future: Future[T] = Future()
        self._tasks.put((future, function, arguments))
        if len(self._threads) < self._workers:
            thread = Thread(target=_work, args=(self._tasks,), daemon=True, name="restore-pool")
            self._threads.append(thread)
            thread.start()
        return future

    def close(self, cancel: bool = False, seconds: float | None = None) -> None:
        """End the threads.

        Args:
            cancel: drop the tasks that have not begun.
            seconds: how long to wait for those that have; None for as long as they take.
        """
        self._closed = True
        while cancel and not self._tasks.empty():
            if task := self._tasks.get():
                task[0].cancel()
        for _ in self._threads:
            self._tasks.put(None)
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        _left_behind.update(thread for thread in self._threads if thread.is_alive())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self.close()


def _work(tasks: SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        future, function, arguments = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function(*arguments))
            except BaseException as error:
                future.set_exception(error)
        del task, future, function, arguments  # they would keep pixels alive until the next task
