"""Write files atomically, so that nobody ever sees a partial one."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from restore.utils.processes import host_identity, is_running

# Prefix of temporary files; folder jobs must never treat them as pictures.
TEMPORARY_PREFIX = ".restore-"

# Contains the host (a digest of its name) and the writing process, to recognize files left by killed processes.
_TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + r"([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}(\..*)?", re.DOTALL)

# No write takes this long: older temporary files are abandoned, whichever host they are from.
_ABANDONED_SECONDS = 24 * 3600


def write_bytes(
    path: Path,
    data: bytes | memoryview,
    *,
    overwrite: bool = True,
    before_rename: Callable[[], None] | None = None,
    modified: int | None = None,
) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder, flushed to disk and renamed.

    A kill or a full disk at any moment leaves the previous file intact. Thread-safe.

    Args:
        path: the file to write; its folder must exist.
        data: the complete content.
        overwrite: replace an existing file.
        before_rename: called once the data is on disk under the temporary name; if it raises, the write is aborted.
        modified: modification time of the file, in nanoseconds; None for now.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false, even if it has only just been created.
        OSError: the disk is full, or the folder is not writable.
    """
    temporary = _temporary(path)
    try:
        # Created like any new file, so that the kernel applies the umask, which a process can only read by setting it.
        with naming(path), temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if modified is not None:
            os.utime(temporary, ns=(modified, modified))
        if before_rename is not None:
            before_rename()
        if overwrite:
            temporary.replace(path)
        else:
            _create(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a file's name to errors of the operating system that have none, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``path`` on success.

    After an exception, including Ctrl-C, the previous file is unchanged and nothing else remains.

    Raises:
        OSError: the disk is full, or the folder is not writable.
    """
    temporary = _temporary(path)
    try:
        with naming(path), temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def opened_beside(path: Path, folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file as in :func:`opened`, with a folder that belongs to it: both replace their paths, or neither does.

    An existing folder is moved aside meanwhile, restored if anything fails, including Ctrl-C, and removed once the file
    is renamed, which is the last step.

    Args:
        path: path of the file.
        folder: path of the folder; must not be a link, and its parent must exist.

    Yields:
        The file, and the folder under its temporary name.
    """
    file_there, filled, aside = _temporary(path), _temporary(folder), _temporary(folder)
    filled.mkdir()
    try:
        with naming(path), file_there.open("xb") as file:
            yield file, filled
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():
            folder.replace(aside)
        filled.replace(folder)
        file_there.replace(path)
    finally:
        # An interrupt may come between any two of these steps: existing paths show how far it got.
        if file_there.exists():
            if not filled.exists():
                folder.replace(filled)
            if aside.exists():
                aside.replace(folder)
            file_there.unlink()
        for left in (filled, aside):
            shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for temporary files, which is removed in the end; those of processes that were killed are removed now.

    Raises:
        OSError: there is no place for one.
    """
    parent = Path(tempfile.gettempdir())
    ours = f"{TEMPORARY_PREFIX}{host_identity()}-{os.getpid()}-"  # of other jobs in this process
    for path in parent.glob(f"{TEMPORARY_PREFIX}*"):
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(ours) and _is_left_over(path):
            shutil.rmtree(path, ignore_errors=True)
    folder = _temporary(parent / "scratch")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove temporary files and folders that killed processes left in a folder; returns their number.

    Files of running processes are kept, and so are those of other hosts unless a day old. Call this before the current
    process writes to the folder.
    """
    if not folder.is_dir():
        return 0
    left = [path for path in folder.iterdir() if _is_left_over(path)]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(left)


def sweep_of(folder: Path, identity: str, process: int) -> None:
    """Remove the temporary files that one process left in a folder, which is known to have ended.

    Args:
        folder: the folder; nothing happens if it does not exist.
        identity: :func:`restore.utils.processes.host_identity` of its host.
        process: its ID there.
    """
    for path in folder.glob(f"{TEMPORARY_PREFIX}{identity}-{process}-*"):
        if _TEMPORARY.fullmatch(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def _is_left_over(path: Path) -> bool:
    named = _TEMPORARY.fullmatch(path.name)
    if named is None:
        return False
    host, process = named[1], int(named[2])
    if host == host_identity() and (process == os.getpid() or not is_running(process)):
        return True
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    return False


def _temporary(path: Path) -> Path:
    """A unique temporary name next to ``path``."""
    return path.parent / f"{TEMPORARY_PREFIX}{host_identity()}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}"


def _create(temporary: Path, path: Path) -> None:
    """Rename, but never over an existing file."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(f"{path} exists") from None
        temporary.rename(path)
