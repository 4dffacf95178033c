"""The only code that walks picture folders.

Every command sees the same files: sorted by path, without hidden files and folders (temporary files of restore are
hidden), following links to files but not to folders, and without pipes, sockets and devices.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from restore.errors import DataError
from restore.imaging.formats import PHOTO_SUFFIXES, READABLE, suffix_by_content


@dataclass(frozen=True)
class Unreadable:
    """A folder that could not be listed, and why."""

    folder: Path
    reason: str


class Listing(NamedTuple):
    """The pictures of a folder (recursively), the number of other files, and the folders that could not be listed."""

    pictures: list[Path]
    ignored: int
    unreadable: list[Unreadable]


def walk(folder: Path, on_error: Callable[[OSError], object]) -> Iterator[Path]:
    """The files of a folder (recursively), sorted by path; reads one folder at a time.

    Args:
        folder: where to start.
        on_error: called with the error of each folder that cannot be listed; may raise. Otherwise the walk continues.
    """
    waiting = [(folder, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        try:
            with os.scandir(path) as entries:
                found = sorted((entry.name, _kind(entry)) for entry in entries if not is_hidden(entry.name))
        except OSError as error:
            on_error(error)
            continue
        waiting += [(path / name, kind == "folder") for name, kind in reversed(found) if kind != "linked folder"]


def _kind(entry: os.DirEntry[str]) -> str:
    if not entry.is_dir():
        return "file"
    return "linked folder" if entry.is_symlink() else "folder"


def scan(folder: Path, suffixes: Collection[str] = READABLE) -> Listing:
    """List the pictures of a folder (recursively); unreadable folders are reported, not raised.

    Files without a suffix are pictures if their content is one.

    Args:
        folder: where to start.
        suffixes: of pictures, lower case, with the dot.
    """
    unreadable: list[Unreadable] = []

    def note(error: OSError) -> None:
        unreadable.append(Unreadable(Path(error.filename), error.strerror or str(error)))

    files = list(walk(folder, note))
    pictures = [path for path in files if is_picture(path, suffixes) or _is_unnamed_picture(path, suffixes)]
    return Listing(pictures, len(files) - len(pictures), unreadable)


def list_pictures(folder: Path, suffixes: Collection[str] = PHOTO_SUFFIXES) -> list[Path]:
    """The sorted pictures of a folder (recursively), for uses where a missing picture would falsify the result.

    Raises:
        DataError: there is no such folder, it contains no pictures, or a subfolder cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")

    def refuse(error: OSError) -> NoReturn:
        raise DataError(f"{error.filename}: the folder cannot be read: {error.strerror}") from error

    found = [path for path in walk(folder, refuse) if is_picture(path, suffixes)]
    if not found:
        raise DataError(f"{folder}: no pictures found (supported suffixes: {', '.join(sorted(suffixes))})")
    return found


def glob_pictures(folder: Path, pattern: str, suffixes: Collection[str] = PHOTO_SUFFIXES) -> list[Path]:
    """The sorted pictures of a folder that match a glob pattern, by the rules of :func:`walk`; may be empty.

    Raises:
        ValueError: the pattern is empty, absolute or malformed.
    """
    if Path(pattern).anchor:
        raise ValueError("it is absolute")
    found = folder.glob(pattern)
    return sorted(p for p in found if not any(map(is_hidden, p.relative_to(folder).parts)) and is_picture(p, suffixes))


def is_hidden(name: str) -> bool:
    """Whether a file or folder with this name is hidden."""
    return name.startswith(".") and name != ".."


def is_picture(path: Path, suffixes: Collection[str] = READABLE) -> bool:
    """Whether a file is a picture by its suffix. Includes broken links: reading them reports the problem."""
    return path.suffix.lower() in suffixes and not is_special(path)


def _is_unnamed_picture(path: Path, suffixes: Collection[str]) -> bool:
    return not path.suffix and not is_special(path) and suffix_by_content(path) in suffixes


def is_special(path: Path) -> bool:
    """Whether a path is a folder, pipe, socket or device, from which reading may never end."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
