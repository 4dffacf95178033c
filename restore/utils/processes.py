"""Identify processes, so that files can name their owner."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import sys
from pathlib import Path


@functools.cache
def host_identity() -> str:
    """Identifies where process IDs are valid: this machine since its boot, this container."""
    known = [socket.gethostname()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
    with contextlib.suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("".join(known).encode()).hexdigest()[:8]


def is_running(process: int) -> bool:
    """Whether a process with this ID is running on this host; one that has ended and waits for its parent is not."""
    if sys.platform == "win32":
        return True  # os.kill would terminate the process there
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return (_status(process) or [b"R"])[0] not in (b"Z", b"X")


def started(process: int) -> str:
    """When a process started, in a form that can be compared on this host; empty if unknown.

    A later process may have the same ID.
    """
    try:
        return _status(process)[19].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        return ""


def _status(process: int) -> list[bytes]:
    """What Linux tells about a process, from its state on; empty if it does not."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return []
