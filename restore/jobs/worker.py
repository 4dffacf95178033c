"""The steps for one picture outside the network; called from pool threads."""

from __future__ import annotations

import errno
import hashlib
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from restore.errors import ImageError, RestoreError
from restore.imaging.formats import FORMATS, check_fits
from restore.imaging.header import header_size
from restore.imaging.picture import Picture, Samples
from restore.jobs import codec as pictures
from restore.jobs.journal import Journal, earlier, file_digest, foreign
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome, Seconds
from restore.jobs.plan import Item
from restore.jobs.sizing import Sizing
from restore.utils.atomic_write import write_bytes

# Estimated bytes per decoded pixel: three channels, plus alpha or a higher bit depth in some pictures.
_BYTES = 4

# Errors after which every later picture would fail too.
_HOPELESS = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your quota on this disk is used up: make room",
    errno.EROFS: "the disk is read-only: choose another output folder, or mount it writable",
}


class DiskError(RestoreError):
    """The disk is full or not writable."""

    exit_code = 1


@dataclass(frozen=True)
class SourceInfo:
    """What is known about a source before it is decoded.

    Attributes:
        digest: SHA-256 of its bytes; empty without a journal.
        decoded: size in bytes after decoding, estimated from its header.
        growth: bytes held for the picture, its results included, per byte decoded.
        version: size and modification time.
        seconds: duration of the inspection.
        outcome: set if nothing is left to do.
    """

    digest: str = ""
    decoded: int = 0
    growth: float = 1.0
    version: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Worker:
    """The steps before and after the network."""

    options: PictureOptions
    sizing: Sizing
    overwrite: bool
    resume: bool
    journal: Journal | None

    def inspect(self, item: Item) -> SourceInfo:
        """Inspect a source: its header, and all its bytes if there is a journal.

        The decoder reads the bytes again, then from the system's cache.

        Raises:
            OSError: it cannot be read.
            ImageError: the result would be too large for its format.
        """
        began = time.perf_counter()
        digest, outcome, version = "", None, _version(item.source)
        if self.journal is not None:
            digest = file_digest(item.source)
            if self.resume:
                outcome = earlier(item, digest, self.journal.key, self.journal.index, self.overwrite)
        size = header_size(item.source) if outcome is None else None
        decoded, growth = 0, 1.0
        if size is not None:
            check_fits(item.target.suffix, *self.sizing.result(*size))
            decoded, growth = math.prod(size) * _BYTES, self.sizing.growth(*size)
        return SourceInfo(digest, decoded, growth, version, time.perf_counter() - began, outcome)

    def decode(self, item: Item, version: tuple[int, int]) -> tuple[Picture, float]:
        """Decode a picture; returns it with the seconds it took.

        Raises:
            ImageError: it cannot be read, is damaged or too large, or changed after :meth:`inspect`.
        """
        began = time.perf_counter()
        picture = pictures.decode(item.source, self.options)
        if _version(item.source) != version:
            # The digest would belong to other pixels.
            raise ImageError("the file changed while it was being read: enhance it again once it is complete")
        return picture, time.perf_counter() - began

    def write(self, item: Item, picture: Picture, results: list[Samples], digest: str) -> Outcome:
        """Encode the results and write the file.

        Raises:
            DiskError: the disk is full or cannot be written to.
        """
        began = time.perf_counter()
        try:
            whole = pictures.sized(pictures.from_arrays(picture, results, self.sizing.scale), self.sizing, picture.size)
            data = self._unchanged(item, picture, digest) if whole is picture else None
            self._save(item, data or pictures.to_file(whole, item.target.suffix, self.options), digest)
        except FileExistsError as error:
            if not item.target.parent.is_dir():
                return Outcome(item, "failed", f"cannot write {item.target}: {error.filename} is a file, not a folder")
            return foreign(item)
        except OSError as error:
            if error.errno in _HOPELESS:
                more = ", then continue with --resume" if self.journal else ""
                raise DiskError(f"{item.target}: {error.strerror}: {_HOPELESS[error.errno]}{more}") from error
            return Outcome(item, "failed", f"cannot write {item.target}: {error.strerror or error}")
        except (RestoreError, MemoryError) as error:
            return failure(item, error)
        (height, width), (rows, columns) = picture.size, whole.size
        seconds = Seconds(encode=time.perf_counter() - began)
        note = "; ".join(filter(None, (pictures.note(picture, item.target.suffix), self.sizing.note(height, width))))
        return Outcome(item, "enhanced", "", note, seconds, (width, height), (columns, rows))

    def _unchanged(self, item: Item, picture: Picture, digest: str) -> bytes | None:
        """The source's own bytes, for a picture that is kept as it is; None if it must be encoded again."""
        if self.options.metadata != "keep" or picture.format != FORMATS[item.target.suffix.lower()]:
            return None
        data = item.source.read_bytes()
        return data if not digest or hashlib.sha256(data).hexdigest() == digest else None

    def _save(self, item: Item, data: bytes, digest: str) -> None:
        journal, overwrite, entry = self.journal, self.overwrite, None
        if journal is not None:
            overwrite = overwrite or (self.resume and journal.index.is_ours(item.target_name))
            entry = partial(journal.append, item.source_name, digest, item.target_name, data)
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
