"""The steps for one picture outside the network; called from pool threads."""

from __future__ import annotations

import errno
import hashlib
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TypeVar

from restore.errors import HopelessError, ImageError, RestoreError
from restore.imaging.formats import ANIMATED, check_fits, kind_of
from restore.imaging.header import header_size
from restore.imaging.mask import check_mask_size, read_mask
from restore.imaging.picture import Picture, Samples
from restore.imaging.read_file import check_length, read_file
from restore.jobs import animation
from restore.jobs import codec as pictures
from restore.jobs.earlier_results import CURE, earlier, taken
from restore.jobs.journal import Journal
from restore.jobs.network_record import Trial
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome, Seconds
from restore.jobs.picture_digest import picture_digest
from restore.jobs.plan import Item
from restore.jobs.sizing import Size, Sizing
from restore.jobs.source_info import SourceInfo
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_results import StoreResults
from restore.utils.atomic_write import write_bytes
from restore.utils.time_limit import StalledError, unless_stalled

T = TypeVar("T")

# Default seconds without progress after which reading a file fails.
READ_TIMEOUT = 60.0

# Estimated bytes per decoded pixel: three channels, plus alpha or a higher bit depth in some pictures.
_BYTES = 4

# Errors after which every later picture would fail too.
_HOPELESS = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your quota on this disk is used up: make room",
    errno.EROFS: "the disk is read-only: choose another output folder, or mount it writable",
}


class DiskError(HopelessError):
    """The disk is full or not writable."""


@dataclass(frozen=True)
class Worker:
    """The steps before and after the network."""

    options: PictureOptions
    sizing: Sizing
    overwrite: bool
    resume: bool
    journal: Journal | StoreJournal | None
    read_timeout: float = READ_TIMEOUT
    trial: Trial | None = None
    stored: StoreResults | None = None
    _abandoned: Event = field(default_factory=Event)

    def abandon(self) -> None:
        """Let no write put its file in place any more: the job has ended and was reported."""
        self._abandoned.set()

    def inspect(self, item: Item) -> SourceInfo:
        """Inspect a source: its header, and all its bytes if there is a journal. An object is copied here.

        The decoder reads the bytes again, then from the system's cache.

        Raises:
            OSError: it cannot be read.
            ImageError: the result would be too large for its format, or reading stalled.
            HopelessError: no object can be read any more.
        """
        info = self._unless_stalled(lambda progress: self._inspect(item, progress))
        if info.outcome is not None:
            return info
        if self.journal is not None:
            self.journal.decoding.check(info.digest, item.source, self.options.pixel_limit, self.resume)
            if self.trial is not None:
                self.journal.network.check(info.digest, item.source, self.trial, self.resume)
        with self._recorded(info.digest):
            size = self._unless_stalled(lambda _: header_size(item.source))
        if size is None:
            return info
        check_fits(item.target.suffix, *self.sizing.result(*size))
        if mask := self._mask_file(item):
            check_mask_size(self._unless_stalled(lambda _: header_size(mask)) or size, size, mask)
        return replace(info, decoded=math.prod(size) * _BYTES, growth=self.sizing.growth(*size))

    def _inspect(self, item: Item, progress: Callable[[], None]) -> SourceInfo:
        if self.stored is not None and (known := self.stored.known(item)):
            return SourceInfo(outcome=known)
        began = time.perf_counter()
        listed = item.origin.listed if item.origin else None
        digest, outcome = listed.identity if listed else "", None
        unread = bool(digest)
        if not unread:
            self._make_copy(item, progress)
            mask = self._mask_file(item)
            digest = "" if self.journal is None else picture_digest(item.source, mask, progress)
        if self.resume and self.journal is not None:
            outcome = self._earlier(item, digest, self.journal)
        if outcome is None and unread:
            self._make_copy(item, progress)
        version = (0, 0) if outcome else _version(item.source)
        return SourceInfo(digest, version=version, seconds=time.perf_counter() - began, outcome=outcome)

    def _earlier(self, item: Item, digest: str, journal: Journal | StoreJournal) -> Outcome | None:
        if isinstance(journal, Journal):
            return earlier(item, digest, journal.key, journal.index, self.overwrite)
        return None if self.stored is None else self.stored.earlier(item, digest, journal.key)

    def _make_copy(self, item: Item, progress: Callable[[], None]) -> None:
        """Copy a source that is in a store."""
        if item.origin is None:
            return
        check_length((item.origin.listed and item.origin.listed.size) or 0, self.options.pixel_limit)
        try:
            item.origin.store.fetch(item.origin, item.source, progress)
        except OSError as error:
            raise DiskError(
                f"{item.source.parent}: {error.strerror or error}: pictures are copied there from their store; make "
                "room, or set TMPDIR to another folder"
            ) from error

    def release(self, item: Item) -> None:
        """Remove the copy of a picture that is finished."""
        if item.origin is not None:
            item.source.unlink(missing_ok=True)

    def _recorded(self, digest: str) -> AbstractContextManager[None]:
        """Record that a file is with a decoder, which may crash."""
        return nullcontext() if self.journal is None else self.journal.decoding.recorded(digest)

    def decode(self, item: Item, version: tuple[int, int], digest: str = "") -> tuple[Picture, float]:
        """Decode a picture; returns it with the seconds it took.

        Args:
            item: the picture.
            version: from :meth:`inspect`.
            digest: from :meth:`inspect`.

        Raises:
            ImageError: it cannot be read, is damaged or too large, stalls, or changed after :meth:`inspect`.
        """
        began = time.perf_counter()
        data, now = self._unless_stalled(lambda progress: self._read(item.source, progress))
        if now != version:
            # The digest would belong to other pixels.
            raise ImageError("the file changed while it was being read: enhance it again once it is complete")
        holds_frames = item.target.suffix.lower() in ANIMATED
        options = self.options if holds_frames else replace(self.options, frames="first")
        with self._recorded(digest):
            picture = pictures.decode(item.source, options, data)
        return picture, time.perf_counter() - began

    def _read(self, path: Path, progress: Callable[[], None]) -> tuple[bytes, tuple[int, int]]:
        data = read_file(path, self.options.pixel_limit, progress)
        return data, _version(path)

    def _unless_stalled(self, work: Callable[[Callable[[], None]], T]) -> T:
        try:
            return unless_stalled(work, self.read_timeout)
        except StalledError as error:
            raise ImageError(
                f"reading it made no progress for {self.read_timeout:g} s: check the disk or the network share, or "
                "allow more time with --read-timeout"
            ) from error

    def animate(self, item: Item, picture: Picture, digest: str, tools: animation.Tools) -> animation.Enhanced:
        """Enhance and encode an animation; called from the thread that may use the network.

        Raises:
            RestoreError: it cannot be decoded, enhanced or encoded.
            MemoryError: there is not enough memory.
        """
        if self.sizing.keeps(*picture.size) and (data := self._unchanged(item, picture, digest)):
            return animation.kept(picture, data, self.options.strict)
        running = self.enter_network(digest)
        try:
            tools = replace(tools, mask=self._mask(item, picture, digest))
            with self._recorded(digest):
                return animation.enhance(picture, item.target.suffix, tools)
        finally:
            self.leave_network(running)

    def enter_network(self, digest: str) -> int | None:
        """Record that a picture is in the network, which may crash; returns what :meth:`leave_network` takes."""
        return None if self.journal is None else self.journal.network.begin(digest)

    def leave_network(self, running: int | None) -> None:
        """Record that it is not any more."""
        if self.journal is not None:
            self.journal.network.end(running)

    def write(
        self,
        item: Item,
        picture: Picture,
        results: list[Samples],
        digest: str,
        animated: animation.Enhanced | None = None,
        between: Picture | None = None,
    ) -> Outcome:
        """Encode the results, unless they are an animation, and write the file.

        Args:
            item: the picture.
            picture: as read.
            results: of the last model.
            digest: from :meth:`inspect`.
            animated: all frames, of an animation.
            between: the picture before the last model of a chain.

        Raises:
            DiskError: the disk is full or cannot be written to.
            OutputGoneError: the output folder is not there any more.
            HopelessError: nothing can be written to the store any more.
        """
        began = time.perf_counter()
        try:
            if animated is not None:
                data, size, copied = animated.data, animated.size, animated.copied
            else:
                data, size, copied = self._encoded(item, picture, between or picture, results, digest)
            self._save(item, data, digest)
        except FileExistsError as error:
            if item.goal is not None:
                return Outcome(item, "failed", f"{item.goal} has appeared since the results were listed: {CURE}")
            if not item.target.parent.is_dir():
                return Outcome(item, "failed", f"cannot write {item.target}: {error.filename} is a file, not a folder")
            return taken(item, self.journal.index if isinstance(self.journal, Journal) else None)
        except HopelessError:
            raise
        except OSError as error:
            if error.errno in _HOPELESS:
                more = ", then continue with --resume" if self.journal else ""
                raise DiskError(f"{item.shown_target}: {error.strerror}: {_HOPELESS[error.errno]}{more}") from error
            if isinstance(self.journal, Journal):
                self.journal.check_in_place()
            return Outcome(item, "failed", f"cannot write {item.shown_target}: {error.strerror or error}")
        except (RestoreError, MemoryError) as error:
            return failure(item, error)
        (height, width), (rows, columns) = picture.size, size
        seconds = Seconds(encode=time.perf_counter() - began)
        notes = [*(animated.notes if animated else ()), self.sizing.note(height, width)]
        if not copied:  # otherwise nothing was lost
            notes.insert(-1, pictures.note(picture, item.target.suffix, animated.lost if animated else ()))
        note = "; ".join(filter(None, notes))
        return Outcome(item, "enhanced", "", note, seconds, (width, height), (columns, rows))

    def _encoded(
        self, item: Item, picture: Picture, taken: Picture, results: list[Samples], digest: str
    ) -> tuple[bytes | memoryview, Size, bool]:
        """The result's file, its height and width, and whether it is a copy of the source."""
        whole = pictures.from_arrays(taken, results, self.sizing.last)
        whole = pictures.masked(whole, picture, self.options, self._mask(item, picture, digest))
        whole = pictures.sized(whole, self.sizing, picture.size)
        if whole is picture and (data := self._unchanged(item, picture, digest)):
            return data, whole.size, True
        return pictures.to_file(whole, item.target.suffix, self.options), whole.size, False

    def _mask_file(self, item: Item) -> Path | None:
        return None if self.options.masks is None else self.options.masks.file(item)

    def _mask(self, item: Item, picture: Picture, digest: str) -> Samples | None:
        """The mask of a picture, if it is in a file."""
        if (file := self._mask_file(item)) is None:
            return None
        data, _ = self._unless_stalled(lambda progress: self._read(file, progress))
        with self._recorded(digest):
            mask = read_mask(data, file, self.options.pixel_limit)
        check_mask_size(mask.shape, picture.size, file)
        return mask

    def _unchanged(self, item: Item, picture: Picture, digest: str) -> bytes | None:
        """The source's own bytes, for a picture that is kept as it is; None if it must be encoded again."""
        if self.options.metadata != "keep" or picture.format != kind_of(item.target.suffix):
            return None
        data, _ = self._unless_stalled(lambda progress: self._read(item.source, progress))
        # The copy of an object is nobody else's.
        return data if item.origin or not digest or hashlib.sha256(data).hexdigest() == digest else None

    def _save(self, item: Item, data: bytes | memoryview, digest: str) -> None:
        if item.goal is not None:
            assert self.stored is not None
            assert not isinstance(self.journal, Journal)
            self.stored.save(item, data, digest, self.journal, self._abandoned)
            return
        journal, overwrite = self.journal, self.overwrite
        assert not isinstance(journal, StoreJournal)
        if journal is not None:
            journal.check_in_place()  # before a folder that was removed is created again
            overwrite = overwrite or (self.resume and journal.index.is_ours(item.target_name))

        def entry() -> None:
            if self._abandoned.is_set():
                raise InterruptedError(errno.EINTR, "the job has ended")
            if journal is not None:
                journal.append(item.source_name, digest, item.target_name, data)

        item.target.parent.mkdir(parents=True, exist_ok=True)
        modified = item.source.stat().st_mtime_ns if self.options.keep_times else None
        write_bytes(item.target, data, overwrite=overwrite, before_rename=entry, modified=modified)


def failure(item: Item, error: BaseException, cure: str = "") -> Outcome:
    """The outcome of a picture whose processing raised an exception.

    Args:
        item: the picture.
        error: the exception.
        cure: hint that is added if memory ran out.
    """
    if isinstance(error, MemoryError):
        return Outcome(item, "failed", f"not enough memory for this picture{cure}")
    if isinstance(error, OSError):
        return Outcome(item, "failed", f"cannot be read: {error.strerror or error}")
    return Outcome(item, "failed", str(error).removeprefix(f"{item.source}: "))


def _version(path: Path) -> tuple[int, int]:
    """Values that change when a file is written."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns
