"""What C libraries print about a file while decoding it.

libjpeg, libpng and libtiff report damage that they can pass over in one way alone: lines on standard error, which name
no file. While pictures are decoded, the C variable ``stderr`` stands for a temporary file. Python's standard error,
file descriptor 2, C++ streams and crash reports are not affected.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import ctypes

T = TypeVar("T")
# The file is emptied when it is longer; a decoder may print a line for each row.
_LONG = 2**20
# At most so much of it is read.
_READ = 2**16


class _Log:
    """The temporary file, and who is printing into it.

    Lines do not say who printed them. If any were added while a picture was decoded, it is decoded again while no other
    is.
    """

    def __init__(self, variable: ctypes.c_void_p, stream: int, descriptor: int) -> None:
        self._variable, self._stream, self._descriptor = variable, stream, descriptor
        self._original: int | None = None
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)
        self._inside = 0
        self._alone = False
        self._seen = 0  # its size when somebody last looked

    def silent(self, work: Callable[[], T]) -> tuple[T] | None:
        """The result of work that may print into the file, like others; None if anything was printed meanwhile."""
        with self._lock:
            while self._alone:
                self._turn.wait()
            self._enter()
            before = self._seen
        try:
            result = work()
        finally:
            size = self._seen = os.fstat(self._descriptor).st_size
            self._leave()
        return (result,) if size == before and size < _LONG else None

    @contextmanager
    def alone(self) -> Iterator[str]:
        """Print into the file, which is empty, like nobody else. Yields what it contained before."""
        with self._turn:
            while self._alone:
                self._turn.wait()
            self._alone = True
            while self._inside:
                self._turn.wait()
            before = self.text()
            os.ftruncate(self._descriptor, 0)
            self._enter()
        try:
            yield before
        finally:
            os.ftruncate(self._descriptor, 0)  # or the next would pass these lines on a second time
            self._seen = 0
            self._leave()
            with self._turn:
                self._alone = False
                self._turn.notify_all()

    def text(self) -> str:
        """What was printed."""
        return os.pread(self._descriptor, _READ, 0).decode("utf-8", "replace")

    def _enter(self) -> None:
        if not self._inside:
            self._original, self._variable.value = self._variable.value, self._stream
        self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._variable.value = self._original
            if self._alone:
                self._turn.notify_all()


def heard(work: Callable[[], T], known: Callable[[str], bool]) -> tuple[T, list[str]]:
    """Do some work that may print, twice if it does.

    Args:
        work: the work. What is printed before it raises an exception is dropped.
        known: whether a line is about the work; others are passed on to standard error.

    Returns:
        The result, and the lines about the work. Without lines on systems other than Linux with glibc and macOS.
    """
    log = _log()
    if log is None:
        return work(), []
    if (done := log.silent(work)) is not None:
        return done[0], []
    with log.alone() as before_this:
        result = work()
        text = log.text()
    for line in [*before_this.splitlines(), *text.splitlines()]:
        if not known(line):
            sys.stderr.write(f"{line}\n")
    return result, [line for line in text.splitlines() if known(line)]


@functools.cache
def _log() -> _Log | None:
    import ctypes
    import tempfile

    name = {"linux": "stderr", "darwin": "__stderrp"}.get(sys.platform)
    if name is None:
        return None
    try:
        libc = ctypes.CDLL(None)
        if sys.platform == "linux" and not hasattr(libc, "gnu_get_libc_version"):
            return None  # in musl, the variable is a constant
        variable = ctypes.c_void_p.in_dll(libc, name)
        descriptor, path = tempfile.mkstemp()
        Path(path).unlink()  # C libraries write into it until the process ends
        libc.fdopen.restype = ctypes.c_void_p
        stream = libc.fdopen(os.dup(descriptor), b"a")
        if not stream:
            return None
        libc.setvbuf(ctypes.c_void_p(stream), None, 2, 0)  # unbuffered, as standard error is
    except (OSError, ValueError, AttributeError):
        return None
    return _Log(variable, stream, descriptor)
