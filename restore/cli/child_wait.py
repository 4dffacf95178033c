"""Wait for a child process without missing a signal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Iterator

_LOOK_AGAIN = 1.0  # seconds


def wait_for(child: subprocess.Popen[bytes]) -> int:
    """Wait until a child ends, and let handlers of signals run meanwhile; returns its exit code.

    Python runs handlers between two instructions. A signal that comes after the last of them, but before the system
    waits, would be handled when the wait is over, which is too late to pass it on. So nothing here waits for the child
    alone: on Linux also for a byte that Python's own handler writes at once, elsewhere for a second at a time.

    Must be called in the main thread.
    """
    try:
        ends = os.pidfd_open(child.pid) if hasattr(os, "pidfd_open") else None
    except OSError:  # an old kernel, or a sandbox without this call
        ends = None
    if ends is None:
        return _patiently(child)
    try:
        with _signals() as comes:
            while child.poll() is None:
                select.select([ends, comes], [], [])
                with contextlib.suppress(BlockingIOError):
                    os.read(comes, 64)
    finally:
        os.close(ends)
    return child.wait()


def _patiently(child: subprocess.Popen[bytes]) -> int:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_LOOK_AGAIN)


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that can be read as soon as a signal has come."""
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
