"""Remember which pictures were being decoded when the process died, so that a decoder that crashes ends one job only.

A hidden file in the output folder has a slot for each picture that is being decoded now, with the digest of its bytes.
It is not flushed to disk: what a process has written survives its crash. A job that ends removes the file. If a job
finds one, it tries those pictures in a process of their own before it decodes them: most are innocent, or the job was
killed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from restore.errors import ImageError
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.isolated_process import ApartError, run_apart
from restore.utils.regular_file import open_regular

_STEM = f"{TEMPORARY_PREFIX}decoding"
_SLOT = 65  # a SHA-256 in hexadecimal, and a line break
_EMPTY = b" " * (_SLOT - 1) + b"\n"
_LARGEST = 1 << 20
_TRIAL_SECONDS = 300.0


class DecodingRecord:
    """The pictures that one job, or shard, decodes now. Thread-safe.

    Args:
        folder: the output folder.
        name: distinguishes shards.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self._path = folder / f"{_STEM}{name}"
        self._suspects = _read(self._path)
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._free: list[int] = []
        self._slots = 0
        self._guilty: set[str] = set()
        self._closed = False

    def check(self, digest: str, path: Path, pixel_limit: int) -> None:
        """Try a picture in a process of its own if an earlier job died while it was decoded.

        Raises:
            ImageError: that process died too.
        """
        if digest not in self._suspects:
            return
        try:
            run_apart("restore.jobs.decode_apart", str(path), str(pixel_limit), timeout=_TRIAL_SECONDS)
        except ApartError as error:
            with self._lock:
                self._guilty.add(digest)
            raise ImageError(
                "an earlier job died while it decoded this file, and so did a trial in a process of its own "
                f"({error}): update Pillow and OpenCV, or remove the file"
            ) from error

    @contextmanager
    def decoding(self, digest: str) -> Iterator[None]:
        """Record a picture during the block. A record that cannot be written is left out."""
        slot = self._take(digest)
        try:
            yield
        finally:
            if slot is not None:
                self._write(slot, _EMPTY)
                self._free.append(slot)

    def close(self) -> None:
        """Remove the file; pictures that died in their trial stay recorded for the next job."""
        with self._lock, suppress(OSError):
            self._closed = True  # threads that a job leaves behind go on decoding
            if self._file is not None:
                self._file.close()
                self._file = None
            left = sorted(self._guilty)
            if left:
                self._path.write_bytes(b"".join(digest.encode() + b"\n" for digest in left))
            else:
                self._path.unlink(missing_ok=True)

    def _take(self, digest: str) -> int | None:
        try:
            with self._lock:
                if self._closed:
                    return None
                if self._file is None:
                    self._file = self._path.open("wb", buffering=0)
                    # What is not settled yet stays recorded if this job dies too.
                    for suspect in sorted(self._suspects):
                        self._file.write(suspect.encode() + b"\n")
                    self._slots = len(self._suspects)
                if not self._free:
                    self._free.append(self._slots)
                    self._slots += 1
                slot = self._free.pop()
        except OSError:
            return None
        self._write(slot, digest.encode() + b"\n")
        return slot

    def _write(self, slot: int, line: bytes) -> None:
        with self._lock, suppress(OSError):
            if self._file is not None:
                self._file.seek(slot * _SLOT)
                self._file.write(line)


def _read(path: Path) -> frozenset[str]:
    try:
        with open_regular(path) as file:
            text = file.read(_LARGEST).decode("ascii", "replace")
    except OSError:
        return frozenset()
    return frozenset(re.findall(r"^[0-9a-f]{64}$", text, re.MULTILINE))
