"""Check the output path: a page may replace an earlier page, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from restore.compare.image_store import MARK
from restore.jobs.naming import PlanError

_ENDINGS = (".html", ".htm")
# In the head of every page; a file with it may be replaced.
_GENERATOR = b'<meta name="generator" content="restore compare">'


def check_place(path: Path, option: str = "--out", beside: bool = False, folders: Sequence[Path] = ()) -> None:
    """Reject a path where a page cannot or should not be written, before anything is read.

    Args:
        path: of the page.
        option: command-line option that sets it, for messages.
        beside: whether its pictures go into a folder next to it.
        folders: the compared folders.

    Raises:
        PlanError: wrong file extension, the path is a folder, it would overwrite something else, or its folder of
            pictures would be inside a compared folder.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise PlanError(f"{option} {path}: the name must end in .html")
    if path.is_dir():
        raise PlanError(f"{option} {path} is a folder: name a file")
    if path.exists() and _GENERATOR not in _beginning(path):
        raise PlanError(f"{option} {path} exists, and is not a page written by restore: choose another name")
    if not beside:
        return
    pictures = pictures_folder(path)
    if os.path.lexists(pictures) and not (pictures / MARK).is_file():
        raise PlanError(f"{pictures} exists, and was not written by restore: choose another {option}")
    for folder in folders:
        if folder.is_dir() and pictures.resolve().is_relative_to(folder.resolve()):
            raise PlanError(f"{option} {path}: its pictures would be inside {folder}, and be compared next time")


def pictures_folder(path: Path) -> Path:
    """The folder next to a page for its pictures."""
    return path.with_name(f"{path.stem}-files")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
