"""The user's data and cache folders by platform: ``~/.local/share/restore`` and ``~/.cache/restore`` on Linux."""

from __future__ import annotations

from pathlib import Path

# platformdirs is imported on demand: `restore --help` needs no folder.


def data_folder() -> Path:
    """Folder for permanent data, for example imported models."""
    import platformdirs

    return platformdirs.user_data_path("restore", appauthor=False)


def cache_folder() -> Path:
    """Folder for data that can be regenerated."""
    import platformdirs

    return platformdirs.user_cache_path("restore", appauthor=False, opinion=False)
