"""The user's data and cache folders by platform: ``~/.local/share/restore`` and ``~/.cache/restore`` on Linux."""

from __future__ import annotations

import os
import stat
from pathlib import Path

# platformdirs and tempfile are imported on demand: `restore --help` needs no folder.


def data_folder() -> Path:
    """Folder for permanent data, for example imported models."""
    import platformdirs

    return platformdirs.user_data_path("restore", appauthor=False)


def cache_folder() -> Path:
    """Folder for data that can be regenerated."""
    import platformdirs

    return platformdirs.user_cache_path("restore", appauthor=False, opinion=False)


def notes_folder(name: str) -> Path:
    """A folder for a job's notes, in the cache folder. It is made.

    Where the cache folder cannot be written to, as in a container whose root is read-only, it is one in the temporary
    folder that belongs to this user alone.

    Raises:
        OSError: the temporary folder cannot be written to either, or somebody else has made a folder of that name.
    """
    folder = cache_folder() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    import tempfile

    owner = getattr(os, "getuid", lambda: 0)()  # on Windows, the temporary folder is the user's own
    base = Path(tempfile.gettempdir(), f"restore-{owner}")
    base.mkdir(mode=0o700, exist_ok=True)
    found = base.lstat()
    mine = os.name == "nt" or (found.st_uid == owner and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    if not (stat.S_ISDIR(found.st_mode) and mine):
        raise PermissionError(f"{base}: others can write to it; set XDG_CACHE_HOME or TMPDIR to a folder of your own")
    folder = base / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
