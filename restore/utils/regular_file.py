"""Open files without ever waiting for a pipe, a device or another program."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# Missing on some systems. Opening a pipe or a terminal with these returns at once.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))

# Linux ends another program's lease on a file after 45 seconds (lease-break-time); until then opening fails.
_LEASE_SECONDS = 50
_LOOK_SECONDS = 0.05

# At most so much is read at once. Most pictures are smaller, so that nothing has to be joined.
_CHUNK = 1 << 24


class NotRegularError(OSError):
    """A path is a folder, a pipe, a socket or a device, from which reading may never end."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "it is a folder, a pipe, a socket or a device, not a file", str(path))


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; its kind is checked after opening, so that nobody can replace it in between.

    Raises:
        NotRegularError: it is not a regular file.
        OSError: it cannot be opened.
    """
    descriptor = _open(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError(path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(file: BinaryIO, progress: Callable[[], object] = lambda: None) -> bytes:
    """The rest of an open file.

    Args:
        file: from :func:`open_regular`.
        progress: called after each part.
    """
    # Memory for the whole chunk is asked for, which for a small file takes longer than reading it.
    most = min(_CHUNK, max(os.fstat(file.fileno()).st_size + 1, 1 << 16))  # one more, to see the end
    chunks = []
    while chunk := file.read(most):
        progress()
        chunks.append(chunk)
        if len(chunk) < most:
            break
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _open(path: Path) -> int:
    deadline = time.monotonic() + _LEASE_SECONDS
    while True:
        try:
            return os.open(path, _FLAGS)
        except BlockingIOError:  # another program, such as a file server, holds a lease
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a socket
                raise NotRegularError(path) from error
            raise
