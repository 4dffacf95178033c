"""Remember which pictures were in a dangerous step when the process died, so that a crash ends one job only.

A hidden file in the output folder has a slot for each picture that is in the step now, with the digest of its bytes.
It is not flushed to disk: what a process has written survives its crash. A job that ends removes the file. If a job
finds one, it tries those pictures in a process of their own before it takes the step: most are innocent, or the job was
killed. Those that crash again are noted in the journal, see :mod:`restore.jobs.verdict`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from restore.utils.regular_file import open_regular

_SLOT = 65  # a SHA-256 in hexadecimal, and a line break
_EMPTY = b" " * (_SLOT - 1) + b"\n"
_LARGEST = 1 << 20


class CrashRecord:
    """The pictures that one job, or shard, has in a step now. Thread-safe.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._suspects = _read(path)
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._free: list[int] = []
        self._slots = 0
        self._kept: set[str] = set()
        self._closed = False

    def suspects(self, digest: str) -> bool:
        """Whether an earlier job died while this picture was in the step."""
        return digest in self._suspects

    def keep(self, digest: str) -> None:
        """Keep a picture recorded for the next job, since its trial did not end well."""
        with self._lock:
            self._kept.add(digest)

    def begin(self, digest: str) -> int | None:
        """Record a picture; returns its slot for :meth:`end`. A record that cannot be written is left out."""
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

    def end(self, slot: int | None) -> None:
        """Remove a picture from the record."""
        if slot is not None:
            self._write(slot, _EMPTY)
            self._free.append(slot)

    @contextmanager
    def recorded(self, digest: str) -> Iterator[None]:
        """Record a picture during the block."""
        slot = self.begin(digest)
        try:
            yield
        finally:
            self.end(slot)

    def close(self) -> None:
        """Remove the file; pictures whose trial did not end well stay recorded for the next job."""
        with self._lock, suppress(OSError):
            self._closed = True  # threads that a job leaves behind go on
            if self._file is not None:
                self._file.close()
                self._file = None
            left = sorted(self._kept)
            if left:
                self._path.write_bytes(b"".join(digest.encode() + b"\n" for digest in left))
            else:
                self._path.unlink(missing_ok=True)

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
