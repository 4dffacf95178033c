"""A folder in a store: list, fetch, put."""

from __future__ import annotations

import hashlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from restore.errors import ImageError
from restore.stores.address import Address, AddressError
from restore.stores.faults import CredentialsError, StoreError, UnusableStoreError, credentials_fault, told
from restore.stores.filesystem import OBJECT_STORES, FileSystem, open_files
from restore.stores.listing import Listed, as_listed, etag_of, pages
from restore.stores.patience import patiently
from restore.utils.atomic_write import TEMPORARY_PREFIX

# Objects are fetched in parts of this size, so that progress shows on a slow line.
_PART = 8 << 20
# S3 takes as much in one request.
_LARGEST_PUT = 5 << 30
_READ_ONLY = frozenset({"zip", "tar", "libarchive", "http", "https", "github", "git", "gist", "data", "reference"})
_MD5_DIGITS = 32


@dataclass(frozen=True)
class StoredObject:
    """A picture in a store.

    Attributes:
        store: the folder.
        name: relative to it, with ``/``.
        listed: what the store told about it.
    """

    store: Store
    name: str
    listed: Listed | None = None

    def __str__(self) -> str:
        return self.store.address.below(self.name) if self.name else str(self.store.address)


class Store:
    """An opened folder of a store; thread-safe as far as its file system is.

    Args:
        address: of the folder.
        seconds: how long requests are made again while the store is busy; 0 for no limit.
        opened: see :func:`restore.stores.filesystem.open_files`.

    Attributes:
        address: of the folder.

    Raises:
        RestoreError: see :func:`restore.stores.filesystem.open_files`.
    """

    def __init__(self, address: Address, seconds: float, opened: dict[str, FileSystem] | None = None) -> None:
        self.address = address
        self._seconds = seconds
        self._files, root = open_files(address, {} if opened is None else opened)
        self._root = root.rstrip("/")
        self._made: set[str] = set()
        self._lock = threading.Lock()
        protocols = self._files.protocol
        self._protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        # Whether a put can refuse to replace an object.
        self._exclusive = "mode" in inspect.signature(_method(self._files, "pipe_file")).parameters

    def refuse_read_only(self) -> None:
        """Raise AddressError if results cannot be written there one by one."""
        if self._protocols & _READ_ONLY:
            raise AddressError(
                f"{self.address}: results cannot be written to {self.address.protocol}://: choose a folder or a bucket"
            )

    def is_same_as(self, other: Store) -> bool:
        """Whether this is the other's folder."""
        return self._protocols == other._protocols and self._root == other._root

    def is_inside(self, other: Store) -> bool:
        """Whether this folder is the other, or in it."""
        inside = f"{self._root}/".startswith(f"{other._root}/")
        return inside and self._protocols == other._protocols and _host(self.address) == _host(other.address)

    def pages(
        self, on_error: Callable[[str, Exception], object] = lambda *_: None, new: bool = False
    ) -> Iterator[list[Listed]]:
        """Everything below the folder, in pages.

        Args:
            on_error: see :func:`restore.stores.listing.pages`.
            new: whether the folder need not exist; a bucket must.

        Raises:
            AddressError: there is no such folder or bucket.
            CredentialsError: the credentials are not accepted.
            UnusableStoreError: it cannot be listed.
        """
        try:
            yield from pages(self._files, self._root, self._seconds, on_error)
        except FileNotFoundError as error:
            if not new or "s3" in self._protocols:
                raise AddressError(f"{self.address}: no such folder or bucket") from error
        except Exception as error:
            self._refuse_credentials(error)
            raise UnusableStoreError(f"{self.address} cannot be listed: {told(error)}") from error

    def find(self, name: str = "") -> Listed | None:
        """What the store tells about one object; None if there is none of this name, or it is a folder.

        Raises:
            CredentialsError: the credentials are not accepted.
            StoreError: the store does not answer.
        """
        path = self._path(name)
        try:
            info = patiently(lambda: self._files.info(path), self._seconds)
        except FileNotFoundError:
            return None
        except Exception as error:
            self._refuse_credentials(error)
            raise StoreError(f"{self.address.below(name)} cannot be read: {told(error)}") from error
        return as_listed(name, info) if info.get("type") == "file" else None

    def read(self, name: str) -> bytes:
        """A small object, such as a part of a journal.

        Raises:
            CredentialsError: the credentials are not accepted.
            StoreError: it cannot be read.
        """
        path = self._path(name)
        try:
            return patiently(lambda: self._files.cat_file(path), self._seconds)
        except Exception as error:
            self._refuse_credentials(error)
            raise StoreError(f"{self.address.below(name)} cannot be read: {told(error)}") from error

    def fetch(self, wanted: StoredObject, path: Path, progress: Callable[[], object]) -> None:
        """Copy an object to a file.

        Args:
            wanted: of this store.
            path: of the file.
            progress: called after each part.

        Raises:
            CredentialsError: the credentials are not accepted.
            ImageError: it is not there any more, cannot be read, or has changed since it was listed.
        """
        listed = wanted.listed or Listed(wanted.name, None, "")
        source = self._path(wanted.name)
        digest = hashlib.md5(usedforsecurity=False)
        length = 0
        try:
            with path.open("wb") as file:
                for start in range(0, max(1, listed.size or 1), _PART):
                    whole = listed.size is None or listed.size <= _PART
                    data = patiently(partial(self._part, source, start, whole), self._seconds)
                    file.write(data)
                    digest.update(data)
                    length += len(data)
                    progress()
            changed = length != listed.size if listed.size is not None else False
            if not changed and listed.mark and not _proves(listed, digest.hexdigest()):
                # The ETag of an encrypted object, or of one that was written in parts, is no checksum.
                now = patiently(lambda: self._files.info(source), self._seconds)
                changed = as_listed("", now).identity not in ("", listed.identity)
        except FileNotFoundError as error:
            if not path.parent.is_dir():
                raise
            raise ImageError("it is not there any more: it was removed after the folder was listed") from error
        except OSError as error:
            if error.filename is not None and Path(os.fsdecode(error.filename)) == path:
                raise  # the disk of the copy
            self._refuse_credentials(error)
            raise ImageError(f"it cannot be read from its store: {told(error)}") from error
        except Exception as error:
            self._refuse_credentials(error)
            raise ImageError(f"it cannot be read from its store: {told(error)}") from error
        if changed:
            raise ImageError("the object changed after the folder was listed: enhance it again")
        if listed.modified is not None:
            os.utime(path, (listed.modified, listed.modified))

    def put(self, name: str, data: bytes | memoryview, overwrite: bool) -> str:
        """Write an object, whole or not at all; returns its ETag, or nothing if the store does not say.

        Args:
            name: relative to the folder.
            data: the content.
            overwrite: whether it may replace another, as far as the store can tell at the moment of writing.

        Raises:
            FileExistsError: it is there, and may not be replaced.
            CredentialsError: the credentials are not accepted.
            StoreError: it cannot be written.
        """
        path, content = self._path(name), bytes(data)
        try:
            if self._protocols & OBJECT_STORES:
                answer = patiently(lambda: self._put(path, content, overwrite), self._seconds)
            else:
                answer = patiently(lambda: self._put_aside(path, content, overwrite), self._seconds)
        except FileExistsError:
            if overwrite or self._holds(name, content):  # an answer was lost, and the request made again
                return ""
            raise
        except Exception as error:
            self._refuse_credentials(error)
            raise StoreError(f"cannot write {self.address.below(name)}: {told(error)}") from error
        return str(answer.get("ETag", "")).strip('"') if isinstance(answer, dict) else ""

    def remove(self, name: str) -> None:
        """Remove an object; nothing happens if that fails."""
        try:
            self._files.rm_file(self._path(name))
        except Exception as error:
            self._refuse_credentials(error)

    def _part(self, path: str, start: int, whole: bool) -> bytes:
        return self._files.cat_file(path) if whole else self._files.cat_file(path, start=start, end=start + _PART)

    def _put(self, path: str, content: bytes, overwrite: bool) -> object:
        options: dict[str, object] = {} if overwrite or not self._exclusive else {"mode": "create"}
        if "s3" in self._protocols:
            options["chunksize"] = _LARGEST_PUT  # or large ones would be written in parts
        try:
            return self._files.pipe_file(path, content, **options)
        except FileExistsError:
            raise
        # A store without conditional writes says so by either: s3fs turns S3's reply NotImplemented into an OSError,
        # other file systems of fsspec raise NotImplementedError. It is then written without the condition.
        except (OSError, NotImplementedError) as error:
            if "mode" not in options or "NotImplemented" not in f"{error!r}{error.__cause__!r}":
                raise
            self._exclusive = False  # a store that speaks S3's protocol in part
            return self._put(path, content, overwrite)

    def _put_aside(self, path: str, content: bytes, overwrite: bool) -> object:
        """Write under a temporary name and rename, as into a folder."""
        parent, _, name = path.rpartition("/")
        with self._lock:
            if parent and parent not in self._made:
                self._files.makedirs(parent, exist_ok=True)
                self._made.add(parent)
        aside = f"{parent}/{TEMPORARY_PREFIX}{os.getpid()}-{threading.get_ident()}-{name}"
        try:
            self._files.pipe_file(aside, content)
            if not overwrite and self._there(path):
                raise FileExistsError(path)
            self._files.mv(aside, path)
        except BaseException:
            if self._there(aside):
                self._files.rm_file(aside)
            raise
        return None

    def _there(self, path: str) -> bool:
        try:
            self._files.info(path)
        except FileNotFoundError:
            return False
        return True

    def _holds(self, name: str, content: bytes) -> bool:
        """Whether an object has this content."""
        there = self.find(name)
        if there is None or there.size != len(content):
            return False
        etag = etag_of(there)
        if len(etag) == _MD5_DIGITS:
            return etag == hashlib.md5(content, usedforsecurity=False).hexdigest()
        return self.read(name) == content

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if self._root and name else name or self._root

    def _refuse_credentials(self, error: BaseException) -> None:
        if fault := credentials_fault(error):
            raise CredentialsError(f"{self.address}: {fault}, then continue with --resume") from error


def name_fault(name: str) -> str:
    """Why an object's name cannot be that of a file below a folder, a clause; empty if it can."""
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "a part of its name is empty, '.' or '..', which would lead elsewhere: rename it"
    if "\0" in name:
        return "its name has a zero byte: rename it"
    if os.name == "nt" and any(mark in name for mark in '\\:*?"<>|'):
        return "its name has characters that Windows does not allow in files: rename it"
    return ""


def _host(address: Address) -> str:
    """What tells two stores of a protocol apart that have the same paths: the host, and the layers below."""
    head, *layers = address.text.split("::")
    hosted = address.protocol in ("sftp", "ssh", "smb", "ftp", "webhdfs", "hdfs", "http", "https")
    return "::".join([head.partition("://")[2].split("/")[0] if hosted else "", *layers])


def _method(files: FileSystem, name: str) -> Callable[..., object]:
    """A method, or the coroutine behind it, whose parameters are its own."""
    method: Callable[..., object] = getattr(files, f"_{name}", None) or getattr(files, name)
    return method


def _proves(listed: Listed, md5: str) -> bool:
    """Whether the ETag in the listing is the checksum of what was read."""
    return etag_of(listed) == md5
