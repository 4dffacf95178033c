"""Where a page's pictures go: into the page itself, or into a folder beside it."""

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
# The mark by which a folder is known that may be replaced by the next page of the same name.
MARK = "written-by-restore.txt"


class Store(Protocol):
    """Takes copies; gives what the page finds them by."""

    @property
    def folder(self) -> str | None:
        """Name of the folder that they are in; None where the page holds them."""
        ...

    @property
    def bytes(self) -> int:
        """What they take in that folder."""
        ...

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        """Keep a copy.

        Args:
            copy: the picture.
            number: of the picture in the page.
            name: of the picture, relative to its folder; anything.
            role: which of its versions.

        Returns:
            What the page finds it by: a block's id after ``#``, or a relative URL.
        """
        ...

    def blocks(self, page: BinaryIO) -> None:
        """Write what belongs into the page."""
        ...


class Embedded:
    """Copies as blocks of the page that a browser does not look into before it is asked to: base64 in templates.

    They wait elsewhere, for the table stands before them and is complete after them.

    Args:
        spool: an empty file, where they wait.
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
    """Copies as files of a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin.

        Args:
            folder: where to write now.
            name: of the folder as the page will find it.
        """
        self._there = folder
        self.folder = name
        self.bytes = 0
        (folder / MARK).write_text("The pictures of the page beside this folder; the next page replaces the folder.\n")

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        file = f"{number + 1:04}-{_plain(Path(name).stem)}-{role}{_ENDINGS[copy.kind]}"
        (self._there / file).write_bytes(copy.data)
        self.bytes += len(copy.data)
        return f"{quote(self.folder.encode('utf-8', 'surrogateescape'))}/{quote(file)}"

    def blocks(self, page: BinaryIO) -> None:
        """There is nothing."""


def _plain(stem: str) -> str:
    """A stem that every file system and URL can hold: letters, digits and a few signs."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:_LONGEST_STEM]
