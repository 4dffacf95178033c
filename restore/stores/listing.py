"""List a folder of a store page by page, never all of it at once.

S3 is listed by its own pages, in the order of keys. Other stores are walked: fsspec lists them one folder at a time, so
memory grows with the largest folder, not with the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, cast

from restore.stores.filesystem import FileSystem, Info
from restore.stores.patience import patiently

# As many as S3 lists at once.
PAGE = 1000
# What changes with the content of a file, by the name that its store gives it; the first that is there counts.
_MARKS = ("etag", "md5hash", "content_md5", "checksum", "blob_id", "oid", "crc32c", "crc", "generation", "sha256")
_TIMES = ("lastmodified", "last_modified", "mtime", "updated", "modified", "created", "date_time", "time_created")


@dataclass(frozen=True)
class Listed:
    """An object as its store lists it.

    Attributes:
        name: relative to the folder that was listed.
        size: in bytes; None if the store does not say.
        mark: its ETag, checksum, or else time of change; empty if the store tells none.
        modified: when it was changed, in seconds since 1970; None if unknown.
    """

    name: str
    size: int | None
    mark: str
    modified: float | None = None

    @property
    def identity(self) -> str:
        """SHA-256 of mark and size, in hexadecimal, which stands for the content; empty if the store tells no mark."""
        if not self.mark or self.size is None:
            return ""
        return hashlib.sha256(f"{self.mark}\0{self.size}".encode()).hexdigest()


def as_listed(name: str, info: Info) -> Listed:
    """What a store tells about an object, read from fsspec's dictionary."""
    values = {key.lower(): value for key, value in info.items() if isinstance(key, str)}
    mark = next((f"{key}:{_plain(values[key])}" for key in _MARKS if values.get(key) not in (None, "")), "")
    when = next((values[key] for key in _TIMES if values.get(key) not in (None, "")), None)
    if not mark and when is not None:
        moment = _seconds(when)  # a listing and a look at one file may tell it in different forms
        mark = f"time:{_plain(when) if moment is None else moment}"
    size = values.get("size")
    return Listed(name, size if isinstance(size, int) else None, mark, _seconds(when))


def etag_of(listed: Listed) -> str:
    """An object's ETag; empty if its store has none."""
    return listed.mark.removeprefix("etag:") if listed.mark.startswith("etag:") else ""


def pages(
    files: FileSystem, root: str, seconds: float, on_error: Callable[[str, Exception], object]
) -> Iterator[list[Listed]]:
    """All objects below a folder, in pages of at most :data:`PAGE`.

    Args:
        files: the store.
        root: path of the folder.
        seconds: how long a listing is tried again while the store is busy.
        on_error: called with the path of each folder below that cannot be listed, and the error; may raise. The folder
            itself raises.
    """
    protocols = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
    if "s3" in protocols and hasattr(files, "call_s3"):
        yield from _pages_of_s3(cast("_S3", files), root, seconds)
    else:
        yield from _in_pages(_walk(files, root, seconds, on_error))


class _S3(FileSystem, Protocol):
    def call_s3(self, method: str, **options: object) -> Info: ...
    def split_path(self, path: str) -> tuple[str, str, str | None]: ...


def _pages_of_s3(files: _S3, root: str, seconds: float) -> Iterator[list[Listed]]:
    bucket, key, _ = files.split_path(root)
    prefix = f"{key.rstrip('/')}/" if key else ""
    more: dict[str, object] = {}
    while True:
        options = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE, **more}
        page = patiently(partial(files.call_s3, "list_objects_v2", **options), seconds)
        yield [
            as_listed(one["Key"].removeprefix(prefix), one)
            for one in page.get("Contents", [])
            if not one["Key"].endswith("/")  # what consoles make to show an empty folder
        ]
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _walk(
    files: FileSystem, root: str, seconds: float, on_error: Callable[[str, Exception], object]
) -> Iterator[Listed]:
    waiting: list[tuple[str, Info | None]] = [(root, None)]
    top = root.strip("/")
    while waiting:
        path, info = waiting.pop()
        if info is not None:
            yield as_listed(path.lstrip("/").removeprefix(f"{top}/" if top else ""), info)
            continue
        try:
            found = patiently(partial(files.ls, path, detail=True), seconds)
        except FileNotFoundError:
            if path == root:
                raise
            continue  # removed since its parent was listed
        except Exception as error:
            if path == root:
                raise
            on_error(path, error)
            continue
        # Some stores list a folder as a part of itself.
        inside = [one for one in found if one["name"].strip("/") != path.strip("/")]
        inside.sort(key=lambda one: one["name"], reverse=True)
        waiting += [(one["name"], None if one["type"] == "directory" else one) for one in inside]


def _in_pages(listed: Iterable[Listed]) -> Iterator[list[Listed]]:
    page: list[Listed] = []
    for one in listed:
        page.append(one)
        if len(page) == PAGE:
            yield page
            page = []
    yield page


def _plain(value: object) -> str:
    return str(value).strip('"')


def _seconds(when: object) -> float | None:
    if isinstance(when, datetime):
        return when.timestamp()
    return float(when) if isinstance(when, int | float) else None
