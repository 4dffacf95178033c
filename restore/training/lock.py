"""A lock on a run's folder: two processes in one folder would silently overwrite each other's checkpoints."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from restore.errors import RecipeError

NAME = ".lock"
# A file server keeps the lock of a machine that died: NFS for 90 seconds, by default.
_PATIENCE = 120.0


def patience() -> float:
    """Seconds to wait for a lock: some if torchrun starts lost processes again, which may have held it."""
    return _PATIENCE if int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) else 0.0


@contextlib.contextmanager
def run_lock(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Lock a run's folder for this process. Creates the folder if needed, and removes it if it stays empty.

    The operating system releases the lock when the process ends for any reason.

    Args:
        folder: of the run.
        patience: seconds to wait for another process to release it.

    Raises:
        RecipeError: another process holds the lock.
        OSError: the folder cannot be created or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / NAME)
    try:
        lock.acquire(timeout=patience)
    except NotImplementedError:
        # What filelock raises on file systems without locks, as clusters have. The run goes on without one: that a
        # second run in this folder would not be noticed is better than no training at all.
        pass
    except Timeout as error:
        raise RecipeError(f"{folder}: another process is training here; wait for it, or use another --out") from error
    try:
        yield
    finally:
        lock.release()
        if all(path.name == NAME for path in folder.iterdir()):
            (folder / NAME).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another process has put something there
                folder.rmdir()
