"""Orderly shutdown on Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether a stop was requested, and whether a signal may interrupt right now.

    A signal handler may raise between any two steps, for example after a picture is written and before it is reported.
    So it raises only while the job waits or computes; elsewhere the request is kept until :meth:`check`.
    """

    def __init__(self) -> None:
        self.requested = False
        self._open = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a stop was requested.

        Needed in addition to the signal handler, because exceptions raised inside a destructor are lost.
        """
        if self.requested:
            raise KeyboardInterrupt

    @contextmanager
    def opened(self, open: bool = True) -> Iterator[None]:
        """Allow or forbid interruption inside the block; restore the previous state afterwards."""
        before, self._open = self._open, open
        try:
            if open:
                self.check()
            yield
        finally:
            self._open = before
        if before:
            self.check()

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler. Only the first signal raises, so that running writes can finish."""
        if not self.requested:
            self.requested = True
            if self._open:
                raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt once; has no effect outside the main thread."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
