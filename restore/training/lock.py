"""One training to a folder: two at once would overwrite each other's checkpoints without a word."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from restore.errors import RecipeError

NAME = ".lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """A run's folder for this process alone; it is made if need be, and removed again if nothing came to be in it.

    The system gives the folder free when the process ends, however it does.

    Raises:
        RecipeError: another process has it.
        OSError: it cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / NAME)
    try:
        with contextlib.suppress(NotImplementedError):  # file systems of some clusters have no locks: then without
            lock.acquire(timeout=0)
    except Timeout as error:
        raise RecipeError(f"{folder}: another process is training here: wait for it, or give another --out") from error
    try:
        yield
    finally:
        lock.release()
        if all(path.name == NAME for path in folder.iterdir()):
            (folder / NAME).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody has put something there
                folder.rmdir()
