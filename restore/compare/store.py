"""Where a page's pictures go: into the page itself, or into a folder beside it."""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from restore.compare.copies import Copy

_ENDINGS = {"image/jpeg": ".jpg", "image/webp": ".webp"}
_LONGEST_STEM = 40
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

    They wait in a temporary file without a name, for the table stands before them and is complete after them.
    """

    folder = None
    bytes = 0

    def __init__(self, folder: Path) -> None:
        # SIM115 wants a with block; this is open from the first copy to the end of the page, and close() closes it.
        self._spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()

    def put(self, copy: Copy, number: int, name: str, role: str) -> str:
        key = f"p{number}-{role}"
        self._spool.write(f'<template id="{key}" data-kind="{copy.kind}">'.encode())
        self._spool.write(base64.b64encode(copy.data))
        self._spool.write(b"</template>\n")
        return f"#{key}"

    def blocks(self, page: BinaryIO) -> None:
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, page, 1 << 20)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._spool.close()


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
