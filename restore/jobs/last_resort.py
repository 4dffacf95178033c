"""End the process after a signal when it cannot end itself.

Python runs signal handlers in the main thread, between two steps of Python code. A main thread that is inside a
network, a decoder or the operating system never gets there. The part of the handler that is written in C always runs:
it sends the number of the signal through a pipe to a thread.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

SECONDS = 2.0
# Signals sent to a whole group of processes often arrive twice, directly and through a parent.
_SAME_SECONDS = 0.2
_EXIT_CODE = 130
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


@contextmanager
def last_resort(numbers: Collection[int]) -> Iterator[None]:
    """End the process if it still runs :data:`SECONDS` after the first of these signals, and at once on the second.

    The first signal also ends the current run of onnxruntime. Call this from the main thread; the signals must have
    handlers in Python.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    timer = threading.Timer(SECONDS, _end, [f"it did not end within {SECONDS:g} seconds"])
    timer.daemon = True
    threading.Thread(target=_listen, args=(reading, frozenset(numbers), timer), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        os.close(writing)
        timer.cancel()


def _listen(reading: int, numbers: frozenset[int], timer: threading.Timer) -> None:
    first: float | None = None
    while received := os.read(reading, 64):
        if not numbers.intersection(received):
            continue
        if first is None:
            first = time.monotonic()
            timer.start()
            if running := sys.modules.get("restore.runtime.running"):
                running.end_runs()
        elif time.monotonic() - first > _SAME_SECONDS:
            _end("a second signal came")
    os.close(reading)


def _end(why: str) -> None:
    text = f"\nInterrupted: ended at once, because {why}. Written files are complete.\n"
    with suppress(OSError, ValueError):
        shown = _SHOW_CURSOR + text if os.isatty(2) else text
        os.write(2, shown.encode())
    os._exit(_EXIT_CODE)
