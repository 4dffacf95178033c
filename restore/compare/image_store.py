"""Storage for a page's pictures: in the page itself, or in a folder next to it."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import IO, BinaryIO, Protocol
from urllib.parse import quote

from restore.compare.preview import Copy

_ENDINGS = {"image/jpeg": ".jpg", "image/webp": ".webp"}
_LONGEST_STEM = 40
_Spool = IO[bytes]
# Marks a folder that the next page of the same name may replace.
MARK = "written-by-restore.txt"


class Store(Protocol):
    """Stores copies and returns references to them for the page."""

    @property
    def folder(self) -> str | None:
        """Name of the folder that contains the copies; None if the page does."""
        ...

    @property
    def bytes(self) -> int:
        """Total size of the copies in that folder."""
        ...

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        """Store a copy.

        Args:
            copy: the picture.
            number: of the picture in the page.
            name: of the picture, relative to its folder; may contain anything.
            role: identifies the version.

        Returns:
            The reference for the page: ``#`` and the id of a block, or a relative URL.
        """
        ...

    def blocks(self, page: BinaryIO) -> None:
        """Write the copies that belong in the page."""
        ...


class Embedded:
    """Copies embedded in the page as base64 in template elements, which browsers do not decode until asked.

    They are spooled to a file, since the table precedes them in the page but is complete only after them.

    Args:
        spool: an empty file.
    """

    folder = None
    bytes = 0

    def __init__(self, spool: _Spool) -> None:
        self._spool = spool

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        key = f"p{number}-{role}"
        self._spool.write(f'<template id="{key}" data-kind="{copy.kind}">'.encode())
        self._spool.write(base64.b64encode(copy.data))
        self._spool.write(b"</template>\n")
        return f"#{key}"

    def blocks(self, page: BinaryIO) -> None:
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, page, 1 << 20)


class Beside:
    """Copies as files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Create the store.

        Args:
            folder: where to write for now.
            name: final name of the folder, for references from the page.
        """
        self._there = folder
        self.folder = name
        self.bytes = 0
        (folder / MARK).write_text(
            "Pictures of the page next to this folder. Writing the page again replaces the folder.\n"
        )

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        file = f"{number + 1:04}-{_plain(Path(name).stem)}-{role}{_ENDINGS[copy.kind]}"
        (self._there / file).write_bytes(copy.data)
        self.bytes += len(copy.data)
        return f"{quote(self.folder.encode('utf-8', 'surrogateescape'))}/{quote(file)}"

    def blocks(self, page: BinaryIO) -> None:
        """Nothing to write."""


def _plain(stem: str) -> str:
    """A stem that is safe for file systems and URLs: letters, digits, hyphens and underscores."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:_LONGEST_STEM]
