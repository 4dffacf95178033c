"""Download a large file: resumed where it broke off, checked, and complete or not there."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from restore.errors import DownloadError
from restore.online.transport import RangeError, Response, TemporaryError, patiently, request
from restore.utils.atomic_write import naming, write_bytes
from restore.utils.text import printable
from restore.utils.user_folders import cache_folder

# Largest file that is fetched, in bytes; the largest published enlargers have about 0.3 GB.
MOST_BYTES = 4 << 30
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Expected:
    """What is known of a file in advance.

    Attributes:
        size: in bytes; None if unknown.
        sha256: in lower case; empty if unknown.
    """

    size: int | None = None
    sha256: str = ""


def download(
    url: str,
    target: Path,
    expected: Expected,
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int | None], None] = lambda _have, _total: None,
) -> None:
    """Fetch a file.

    What an interrupted download left in the cache folder is continued if the server can, and never used by itself.

    Args:
        url: HTTPS.
        target: where it appears once it is complete and checked, in :func:`download_folder`; replaced if it exists.
        expected: what is known of it.
        say: receives messages.
        progress: called with the bytes so far and in total.

    Raises:
        DownloadError: it cannot be fetched, is too large, or is not the expected file.
        OSError: the disk is full or not writable.
    """
    _Download(url, target, expected, say, progress).run()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def partial_file(url: str, expected: Expected) -> Path:
    """Where the part of a file is kept that is here already: the same for all links to one content."""
    key = expected.sha256 or hashlib.sha256(url.encode()).hexdigest()
    return download_folder() / f"{key[:32]}.part"


def download_folder() -> Path:
    """Where files are while they are fetched and imported."""
    return cache_folder() / "downloads"


class _Download:
    def __init__(
        self,
        url: str,
        target: Path,
        expected: Expected,
        say: Callable[[str], None],
        progress: Callable[[int, int | None], None],
    ) -> None:
        self._url, self._target, self._expected = url, target, expected
        self._say, self._progress = say, progress
        self._where = printable(url)
        self._part = partial_file(url, expected)
        self._version = self._part.with_suffix(".version")  # by which the server recognizes what the part belongs to
        self._furthest = 0

    def run(self) -> None:
        from filelock import FileLock, Timeout

        self._part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._part.with_suffix(".lock"), timeout=0):
                self._furthest = self._have()
                patiently(self._attempt, self._say, self._advanced)
                self._check()
                self._part.replace(self._target)
                self._version.unlink(missing_ok=True)
        except KeyboardInterrupt:
            if have := self._have():
                self._say(f"{self._where}: {have:,} bytes are here; the same command goes on from there")
            raise
        except Timeout as error:
            raise DownloadError(f"{self._where}: another restore is fetching this file") from error

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _advanced(self) -> bool:
        before, self._furthest = self._furthest, max(self._furthest, self._have())
        return self._furthest > before

    def _attempt(self) -> None:
        have = self._have()
        if have and have == self._expected.size and self._expected.sha256:
            return  # complete; its checksum decides
        version = self._version.read_text("utf-8") if self._version.is_file() else ""
        headers = {}
        # Without a name of the version only the checksum can tell whether both parts belong together.
        if have and (version or self._expected.sha256):
            headers = {"Range": f"bytes={have}-", **({"If-Range": version} if version else {})}
        try:
            with request(self._url, headers) as reply:
                self._receive(reply, have)
        except RangeError:
            self._drop()
            raise

    def _receive(self, reply: Response, have: int) -> None:
        self._refuse_page(reply)
        if reply.status == 206:
            start = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range", ""))
            if start is None or int(start[1]) != have:
                raise RangeError(f"{self._where}: the server sent another part than asked for", 0)
        else:
            have = 0
        total = None if reply.length is None else have + reply.length
        self._refuse_size(have, total)
        if total is not None:
            self._refuse_full_disk(total - have)
        self._note_version(reply)
        with naming(self._part), self._part.open("ab" if have else "wb") as file:
            while block := reply.read(_BLOCK):
                have += len(block)
                self._refuse_size(have, None)
                file.write(block)
                self._progress(have, total)
        if total is not None and have < total:
            raise TemporaryError(f"{self._where}: the connection ended after {have:,} of {total:,} bytes")

    def _note_version(self, reply: Response) -> None:
        tag = reply.headers.get("ETag", "")
        version = reply.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        write_bytes(self._version, version.encode("utf-8", "replace"))

    def _refuse_page(self, reply: Response) -> None:
        kind = reply.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise DownloadError(f"{self._where}: is a page, not a file: open it in a browser")

    def _refuse_size(self, have: int, total: int | None) -> None:
        wanted = self._expected.size
        size = have if total is None else total
        if wanted is not None and (size > wanted or (total is not None and total != wanted)):
            self._drop()
            more = "more than the" if total is None else f"{total:,} bytes and not"
            raise DownloadError(f"{self._where}: has {more} {wanted:,} bytes that the catalogue promises")
        if size > MOST_BYTES:
            self._drop()
            raise DownloadError(f"{self._where}: larger than {MOST_BYTES >> 30} GB, the most that is fetched")

    def _refuse_full_disk(self, needed: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if needed > free:
            raise DownloadError(
                f"{self._part.parent}: {needed / 1e6:.1f} MB are missing, but only {free / 1e6:.1f} MB are free: make "
                "room; what is here is kept"
            )

    def _check(self) -> None:
        size, expected = self._have(), self._expected
        if expected.size is not None and size != expected.size:
            self._drop()
            raise DownloadError(f"{self._where}: has {size:,} bytes and not the {expected.size:,} of the catalogue")
        if expected.sha256 and (found := sha256_of(self._part)) != expected.sha256:
            self._drop()
            raise DownloadError(
                f"{self._where}: not the promised file: its SHA-256 is {found}, and the catalogue's {expected.sha256}. "
                "It was replaced, or damaged on the way, and was deleted"
            )

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)
