"""Runs of onnxruntime that another thread can end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime as ort

from restore.errors import TimeLimitError

_running: set[ort.RunOptions] = set()
_limit: float | None = None


def end_runs() -> None:
    """End all current runs: each raises KeyboardInterrupt before its next operator, also inside a loop."""
    for options in list(_running):
        options.terminate = True


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit each run inside the block. A run ends between two operators, so that one slow operator can exceed it."""
    global _limit
    before, _limit = _limit, seconds
    try:
        yield
    finally:
        _limit = before


@contextmanager
def run_options(name: str) -> Iterator[ort.RunOptions]:
    """The options of one run, which must happen inside the block.

    Args:
        name: of the model, for messages.

    Raises:
        KeyboardInterrupt: :func:`end_runs` ended it.
        TimeLimitError: it exceeded the limit.
    """
    options = ort.RunOptions()
    options.log_severity_level = 4
    seconds, timer = _limit, None
    late = threading.Event()

    def end() -> None:
        late.set()
        options.terminate = True

    if seconds is not None:
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
    _running.add(options)
    try:
        yield options
    except Exception as error:
        if late.is_set():
            raise TimeLimitError(f"{name} ran for more than {seconds:g} s and was ended") from error
        if options.terminate:
            raise KeyboardInterrupt from error
        raise
    finally:
        _running.discard(options)
        if timer is not None:
            timer.cancel()
