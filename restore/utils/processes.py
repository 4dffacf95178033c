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
    """Whether a process with this ID is running on this host."""
    if sys.platform == "win32":
        return True  # os.kill would terminate the process there
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def started(process: int) -> str:
    """When a process started, in a form that can be compared on this host; empty if unknown.

    A later process may have the same ID.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b") ")[2].split()
        return fields[19].decode("ascii")
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
