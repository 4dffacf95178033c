"""Where a page is written: over an earlier one, and over nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from restore.compare.image_store import MARK
from restore.jobs.naming import PlanError

_ENDINGS = (".html", ".htm")
# In the head of every page; what has it there may be replaced by the next.
_GENERATOR = b'<meta name="generator" content="restore compare">'


def check_place(path: Path, option: str = "--out", beside: bool = False, folders: Sequence[Path] = ()) -> None:
    """Refuse a place where a page cannot or should not be written, before anything is read.

    Args:
        path: of the page.
        option: that names it, for the messages.
        beside: whether its pictures come into a folder beside it.
        folders: that are compared.

    Raises:
        PlanError: its ending is not a page's, it is a folder, something else is there that would be lost, or the
            folder of its pictures would be among those that are compared.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise PlanError(f"{option} {path}: a page's name ends in .html")
    if path.is_dir():
        raise PlanError(f"{option} {path} is a folder: name a file")
    if path.exists() and _GENERATOR not in _beginning(path):
        raise PlanError(f"{option} {path} is there, and is no page that restore wrote: choose another name")
    if not beside:
        return
    pictures = pictures_folder(path)
    if os.path.lexists(pictures) and not (pictures / MARK).is_file():
        raise PlanError(f"{pictures} is there, and restore did not write it: choose another {option}")
    for folder in folders:
        if folder.is_dir() and pictures.resolve().is_relative_to(folder.resolve()):
            raise PlanError(f"{option} {path}: its pictures would lie within {folder}, and be compared the next time")


def pictures_folder(path: Path) -> Path:
    """Where a page's pictures are that are beside it."""
    return path.with_name(f"{path.stem}-files")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
