"""The user's folders, where each system keeps them: ``~/.local/share/restore`` and ``~/.cache/restore`` on Linux."""

from __future__ import annotations

from pathlib import Path

# platformdirs is imported inside: `restore --help` needs no folder.


def data_folder() -> Path:
    """For what must stay, such as imported models."""
    import platformdirs

    return platformdirs.user_data_path("restore", appauthor=False)


def cache_folder() -> Path:
    """For what can be made again."""
    import platformdirs

    return platformdirs.user_cache_path("restore", appauthor=False, opinion=False)
