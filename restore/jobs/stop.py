"""Orderly shutdown on Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

from restore.jobs.last_resort import last_resort

# How long an interrupted job waits for running writes; what is left of two seconds is for its report.
ORDERLY_SECONDS = 1.2


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

        Needed in addition to the signal handler, because exceptions raised inside a destructor or the callback of a
        weak reference are lost: loops that wait call it at least twice a second.
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
def stoppable(hard: bool = False) -> Iterator[Stop]:
    """Make SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt once; has no effect outside the main thread.

    Args:
        hard: end the process two seconds after the first signal if it still runs, and at once on a second signal. For
            commands, whose process is their own.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = _numbers()
    before = {number: signal.signal(number, stop.handle) for number in numbers}
    tell = sys.unraisablehook

    def lost(found: sys.UnraisableHookArgs) -> None:
        if not (stop.requested and isinstance(found.exc_value, KeyboardInterrupt)):
            tell(found)

    sys.unraisablehook = lost
    try:
        with last_resort(numbers) if hard else nullcontext():
            yield stop
    finally:
        sys.unraisablehook = tell
        for number, handler in before.items():
            signal.signal(number, handler)


def _numbers() -> list[int]:
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none, and nohup makes programs ignore it
    more = [] if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN else [hangup]
    return [signal.SIGINT, signal.SIGTERM, *more]
