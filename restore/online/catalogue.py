"""Open a catalogue of models: a file, or a link with a copy in the cache."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from restore.errors import CatalogueError, DownloadError
from restore.online.cached import Copy, is_link, read_copy, write_copy
from restore.online.listing import Listing, parse_listing
from restore.online.transport import TemporaryError, check_url, patiently, request
from restore.utils.text import printable

# Largest catalogue, in bytes; OpenModelDB's has about 2 MB.
MOST_BYTES = 32 << 20
# A copy that the server confirmed within this time is used without asking it.
FRESH_SECONDS = 24 * 3600.0
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Catalogue:
    """A catalogue and where it is from.

    Attributes:
        listing: its models.
        source: its link or path.
        age: seconds since the server confirmed it; 0 for a file.
        local: whether it is a file, which may name other files on this computer.
    """

    listing: Listing
    source: str
    age: float
    local: bool


def open_catalogue(source: str, say: Callable[[str], None] = lambda _: None) -> Catalogue:
    """Open a catalogue; a link is fetched if there is no copy of it from the last day.

    If it cannot be fetched, an older copy is used, with a message.

    Args:
        source: an HTTPS link, or a path or ``file:`` link.
        say: receives messages.

    Raises:
        CatalogueError: it is not a catalogue, or too large.
        DownloadError: it cannot be fetched, and there is no copy.
    """
    if not is_link(source):
        return _of_file(source)
    check_url(source)
    copy = read_copy(source)
    if copy is None or copy.age > FRESH_SECONDS:
        try:
            return _of_copy(source, _fetched(source, copy, say))
        except DownloadError as error:
            if copy is None:
                raise
            say(f"{error}. Using the copy of {_ago(copy.age)}")
    try:
        return _of_copy(source, copy)
    except CatalogueError:  # damaged in the cache
        return _of_copy(source, _fetched(source, None, say))


def file_of(link: str) -> Path:
    """The path of a ``file:`` link, or of a text that is a path.

    Raises:
        CatalogueError: the link names another computer.
    """
    if not link.lower().startswith("file:"):
        return Path(link)
    parts = urlsplit(link)
    if parts.netloc not in ("", "localhost"):
        raise CatalogueError(f"{printable(link)}: names another computer; write file:///path")
    path = unquote(parts.path)
    return Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path)  # a drive of Windows


def _of_file(source: str) -> Catalogue:
    path = file_of(source)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CatalogueError(f"{path}: more than {MOST_BYTES >> 20} MB, which no catalogue of models has")
        text = path.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}") from error
    return Catalogue(parse_listing(text, str(path)), str(path), 0, local=True)


def _of_copy(source: str, copy: Copy) -> Catalogue:
    return Catalogue(parse_listing(copy.text, source), source, copy.age, local=False)


def _fetched(url: str, before: Copy | None, say: Callable[[str], None]) -> Copy:
    """Ask the server for a newer one than the copy from before."""
    headers = {"If-None-Match": before.etag} if before is not None and before.etag else {}

    def attempt() -> Copy:
        with request(url, headers) as reply:
            now = time.time()
            if reply.status == 304 and before is not None:
                return replace(before, checked=now)
            length, parts, total = reply.length, list[bytes](), 0
            while block := reply.read(_BLOCK):
                parts.append(block)
                total += len(block)
                if total > MOST_BYTES:
                    raise CatalogueError(f"{url}: more than {MOST_BYTES >> 20} MB, which no catalogue of models has")
            if length is not None and total < length:
                raise TemporaryError(f"{printable(url)}: the connection ended after {total} of {length} bytes")
            return Copy(b"".join(parts), reply.headers.get("ETag", ""), now)

    copy = patiently(attempt, say)
    parse_listing(copy.text, url)  # only what is a catalogue replaces the copy
    write_copy(url, copy)
    return copy


def _ago(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:.0f} days ago" if days >= 1.5 else "yesterday" if days >= 1 else "today"
