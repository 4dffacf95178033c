"""Write a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

# Temporary files begin so; a folder job must never take one for a picture.
TEMPORARY_PREFIX = ".restore-"

# The host (a digest of its name) and the process that writes, so that what a killed process left can be told.
_TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + r"([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}(\..*)?", re.DOTALL)

# No write takes so long: a temporary file as old is nobody's, whichever host it came from.
_ABANDONED_SECONDS = 24 * 3600


def write_bytes(
    path: Path, data: bytes | memoryview, *, overwrite: bool = True, before_rename: Callable[[], None] | None = None
) -> None:
    """Write ``data`` to ``path`` by way of a temporary file in the same folder, flushed to disk and renamed.

    A kill or a full disk at any moment leaves what was there before, whole. Safe from several threads.

    Args:
        path: the file to write; its folder must exist.
        data: the whole content.
        overwrite: replace a file that is there.
        before_rename: called when the data is safe on disk under the temporary name; what it raises ends the write.

    Raises:
        FileExistsError: the file is there and ``overwrite`` is false, even if it appeared this very moment.
        OSError: the disk is full, the folder is not writable.
    """
    temporary = _temporary(path)
    try:
        # Created as any new file is, so that the kernel applies the umask: a process can only read it by setting it.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
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
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to write to piece by piece, which takes the name ``path``, over what is there, when all went well.

    After an exception, Ctrl-C included, what was there before is there still, and nothing else.

    Raises:
        OSError: the disk is full, the folder is not writable.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def opened_beside(path: Path, folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file as from :func:`opened`, and a folder to fill that belongs to it: both take their names, or neither does.

    What has the folder's name before is put aside meanwhile, comes back if anything fails, Ctrl-C included, and is
    removed once the file has its name, which is the last step.

    Args:
        path: of the file.
        folder: must be no link; what it is in must exist.

    Yields:
        The file, and the folder under its temporary name.
    """
    file_there, filled, aside = _temporary(path), _temporary(folder), _temporary(folder)
    filled.mkdir()
    try:
        with file_there.open("xb") as file:
            yield file, filled
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():
            folder.replace(aside)
        filled.replace(folder)
        file_there.replace(path)
    finally:
        # An interrupt may come between any two of these: what lies where tells how far it got.
        if file_there.exists():
            if not filled.exists():
                folder.replace(filled)
            if aside.exists():
                aside.replace(folder)
            file_there.unlink()
        for left in (filled, aside):
            shutil.rmtree(left, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove the temporary files and folders that killed processes left in a folder; returns how many.

    Those of a process that runs are left alone, and so are another host's, unless a day old. Call it before this
    process writes there itself.
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


def _is_left_over(path: Path) -> bool:
    named = _TEMPORARY.fullmatch(path.name)
    if named is None:
        return False
    host, process = named[1], int(named[2])
    if host == _host() and (process == os.getpid() or not _runs(process)):
        return True
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    return False


def _runs(process: int) -> bool:
    """Whether a process of this number runs on this host."""
    if sys.platform == "win32":
        return True  # os.kill would end it there, not ask
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


@functools.cache
def _host() -> str:
    """Where process numbers mean the same: this machine since it was started, this container."""
    known = [socket.gethostname()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
    with contextlib.suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("".join(known).encode()).hexdigest()[:8]


def _temporary(path: Path) -> Path:
    """A name beside ``path`` that nobody else has."""
    return path.parent / f"{TEMPORARY_PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}"


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
