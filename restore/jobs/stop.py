"""Ctrl-C and SIGTERM end a job in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody asked for the end."""

    def __init__(self) -> None:
        self.requested = False

    def check(self) -> None:
        """Raise KeyboardInterrupt once the end was asked for.

        Needed beside the signal's own: an exception that is raised inside a destructor is lost.
        """
        if self.requested:
            raise KeyboardInterrupt

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """For :func:`signal.signal`. Only the first one raises: the writes under way shall end whole."""
        if not self.requested:
            self.requested = True
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
