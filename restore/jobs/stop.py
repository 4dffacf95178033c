"""Ctrl-C and SIGTERM end a job in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody asked for the end, and whether it may come in the midst of things.

    An exception out of a signal may come between any two steps: between a picture being written and being told, say.
    So it is raised where it finds the job waiting or computing; elsewhere it is kept until the job asks.
    """

    def __init__(self) -> None:
        self.requested = False
        self._open = True

    def check(self) -> None:
        """Raise KeyboardInterrupt once the end was asked for.

        Needed beside the signal's own: an exception that is raised inside a destructor is lost.
        """
        if self.requested:
            raise KeyboardInterrupt

    @contextmanager
    def opened(self, open: bool = True) -> Iterator[None]:
        """Let a signal interrupt what is done within, or not; afterwards all is as it was."""
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
        """For :func:`signal.signal`. Only the first one raises: the writes under way shall end whole."""
        if not self.requested:
            self.requested = True
            if self._open:
                raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within it, SIGINT and SIGTERM raise KeyboardInterrupt once; outside the main thread it changes nothing."""
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
