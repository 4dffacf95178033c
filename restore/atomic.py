"""Write a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

# Temporary files begin so; a folder job must never take one for a picture.
TEMPORARY_PREFIX = ".restore-"


def write_bytes(path: Path, data: bytes | memoryview, *, overwrite: bool = True) -> None:
    """Write ``data`` to ``path`` by way of a temporary file in the same folder, flushed to disk and renamed.

    A kill or a full disk at any moment leaves what was there before, whole.

    Args:
        path: the file to write; its folder must exist.
        data: the whole content.
        overwrite: replace a file that is there.

    Raises:
        FileExistsError: the file is there and ``overwrite`` is false, even if it appeared this very moment.
        OSError: the disk is full, the folder is not writable.
    """
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix=path.suffix, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        if overwrite:
            temporary.replace(path)
        else:
            _create(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


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


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
