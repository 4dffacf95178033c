"""``restore dataset filter``: copy the photographs that reach the limits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from restore.data.preparation.perceptual_hash import equal_groups
from restore.data.preparation.photo_facts import PhotoFacts
from restore.errors import DataError
from restore.utils.atomic_write import sweep, write_bytes


def without_copies(photos: list[PhotoFacts]) -> dict[int, int]:
    """Superfluous copies, by index, and the photograph that each repeats."""
    return {copy: group[0] for group in equal_groups([one.content for one in photos]) for copy in group[1:]}


def copy_photos(paths: Iterable[Path], folder: Path, target: Path) -> tuple[int, int]:
    """Copy files byte for byte into the same folders below ``target``.

    Args:
        paths: the files.
        folder: the folder that they are in.
        target: the folder to copy to; files that it has already are kept.

    Returns:
        The number of files copied, and of files that were there.

    Raises:
        DataError: the target lies in the folder, or has another file of the same name.
        OSError: a file cannot be read or written.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{target} is inside {folder}, so the copies would be part of it: choose another folder")
    copied = there = 0
    swept: set[Path] = set()
    for path in paths:
        to = target / path.relative_to(folder)
        if to.parent not in swept:
            to.parent.mkdir(parents=True, exist_ok=True)
            sweep(to.parent)
            swept.add(to.parent)
        data = path.read_bytes()
        if to.exists():
            if to.read_bytes() != data:
                raise DataError(f"{to} exists and is not a copy of {path}: choose another folder")
            there += 1
            continue
        write_bytes(to, data, overwrite=False, modified=path.stat().st_mtime_ns)
        copied += 1
    return copied, there
