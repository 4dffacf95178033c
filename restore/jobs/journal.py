"""The journal next to a job's results, which lets an interrupted job continue where it stopped.

Before a result is renamed into place, an entry with its digest is appended. A file with that digest proves the entry.
A kill between the two leaves an entry without a matching file, and the picture is enhanced again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from restore.errors import HopelessError
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.decoding_record import DecodingRecord
from restore.jobs.journal_name import STEM, is_worker_journal, journal_name, part_name, worker_journal_name
from restore.jobs.naming import PlanError
from restore.jobs.network_record import NetworkRecord
from restore.jobs.verdict import Verdict, Verdicts, read_verdicts
from restore.utils.atomic_write import naming, write_bytes
from restore.utils.json_text import parse_json
from restore.utils.regular_file import NotRegularError, open_regular

_FORMAT, _VERSION = "restore-journal", 1
_CHUNK = 1 << 20


class OutputGoneError(HopelessError):
    """The output folder is not where it was when the job began."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: the output folder or its journal was removed, renamed or unmounted while the job ran, so it "
            "stopped: put it back, then continue with --resume"
        )


@dataclass(frozen=True)
class JournalEntry:
    """One line: the source, the job's key and the resulting file.

    Attributes:
        source: relative to the input folder.
        source_digest: SHA-256 of its bytes.
        key: :func:`job_key` of the job that made the result.
        target: relative to the output folder.
        target_digest: SHA-256 of the result's bytes.
    """

    source: str
    source_digest: str
    key: str
    target: str
    target_digest: str


def job_key(model_digest: str, options: Mapping[str, object]) -> str:
    """SHA-256 of the model file's digest and of every option that changes pixels or files."""
    text = json.dumps({"model": model_digest, "options": dict(options)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def model_digest(path: Path) -> str:
    """SHA-256 of a model: its file and, if present, the external weight files next to it.

    Exporters store large weights in ``NAME.onnx.data`` or ``NAME.onnx_data``; two trainings may then share the same
    ``NAME.onnx``.
    """
    beside = [other for end in (".data", "_data") if (other := path.with_name(path.name + end)).is_file()]
    digest = file_digest(path)
    if not beside:
        return digest
    return hashlib.sha256("".join([digest, *map(file_digest, beside)]).encode()).hexdigest()


def file_digest(path: Path, progress: Callable[[], object] = lambda: None) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; ``progress`` is called after each part.

    Raises:
        OSError: it cannot be read, or is a pipe or a device.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress()
    return digest.hexdigest()


class JournalIndex:
    """The entries of all journals in an output folder, read once; or some of them.

    Attributes:
        verdicts: on pictures that crashed a decoder or a network.
    """

    def __init__(self, folder: Path, entries: Iterable[JournalEntry] | None = None) -> None:
        """Read the journals.

        Args:
            folder: the output folder.
            entries: those that matter, so that no journal is read; None to read them all.

        Raises:
            PlanError: a file with a journal's name is not a journal, or is of a newer version.
        """
        self._folder = folder
        self._by_target: dict[str, list[JournalEntry]] = defaultdict(list)
        self.verdicts: list[Verdict] = []
        for entry in entries or ():
            self.add(entry)
        for path in sorted(folder.glob(f"{STEM}*.jsonl")) if entries is None else ():
            try:
                self.read(path)
            except FileNotFoundError:  # of a worker of another shard, which has just ended
                if not is_worker_journal(path.name):
                    raise

    def read(self, path: Path) -> None:
        """Add what a journal says.

        Raises:
            PlanError: it is not a journal, or is of a newer version.
            OSError: it cannot be read.
        """
        lines = _lines(path)
        self.verdicts += read_verdicts(lines)
        for entry in _entries(lines):
            self.add(entry)

    def of(self, target: str) -> list[JournalEntry]:
        """The entries about ``target``, whether or not it is there."""
        return list(self._by_target.get(target, ()))

    def add(self, entry: JournalEntry) -> None:
        """Add an entry."""
        self._by_target[entry.target].append(entry)

    def knows(self, target: str) -> bool:
        """Whether restore has ever written ``target``."""
        return target in self._by_target

    def ours(self, target: str) -> list[JournalEntry]:
        """The entries that match the file at ``target``; empty if it is missing or someone else made or changed it."""
        entries = self._by_target.get(target)
        if not entries:
            return []
        try:
            digest = file_digest(self._folder / target)
        except OSError:
            return []
        return [entry for entry in entries if entry.target_digest == digest]

    def read_again(self) -> JournalIndex:
        """The entries that are in the folder's journals now, with those that other jobs have written since."""
        return JournalIndex(self._folder)

    def is_done(self, source: str, source_digest: str, key: str, target: str) -> bool:
        """Whether ``target`` is what a job with this key would write for this source."""
        wanted = (source, source_digest, key)
        return any((p.source, p.source_digest, p.key) == wanted for p in self.ours(target))

    def is_ours(self, target: str) -> bool:
        """Whether ``target`` is a result of restore, unchanged since."""
        return bool(self.ours(target))


@dataclass(frozen=True)
class WorkerPart:
    """Whose journal it is, if one worker of a job has its own.

    Attributes:
        token: tells it from the others.
        records: local folder for what must survive a crash of its process.
        verdicts: of the journals in the output folder.
    """

    token: str
    records: Path
    verdicts: Sequence[Verdict] = ()


class Journal:
    """The journal of one job or shard, for appending, with the entries of all journals of the folder.

    Thread-safe. Use as a context manager.

    Attributes:
        key: of the job, see :func:`job_key`.
        index: all entries of the folder, or those that matter to a worker, including this journal's new ones.
        decoding: which pictures are being decoded.
        network: which pictures are in the network.
        length: of its file when it was opened, in bytes.
    """

    def __init__(
        self, folder: Path, key: str, shard: tuple[int, int] = (1, 1), worker: WorkerPart | None = None
    ) -> None:
        """Open or create the journal, and its folder if missing.

        Args:
            folder: the output folder.
            key: see :attr:`key`.
            shard: i of n.
            worker: for one worker's own journal, which begins with an empty index.

        Raises:
            PlanError: see :class:`JournalIndex`.
            OSError: the folder cannot be written to.
        """
        self.key = key
        self.index = JournalIndex(folder, None if worker is None else ())
        verdicts = Verdicts(self.index.verdicts if worker is None else worker.verdicts, self._record_verdict)
        records = folder if worker is None else worker.records
        self.decoding = DecodingRecord(records, part_name(shard), verdicts)
        self.network = NetworkRecord(records, part_name(shard), verdicts, key)
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        name = journal_name(shard) if worker is None else worker_journal_name(shard, worker.token)
        self._folder, self._path = folder, folder / name
        with contextlib.suppress(FileExistsError):
            write_bytes(self._path, _line({_FORMAT: _VERSION}), overwrite=False)
        with open_regular(self._path) as file:
            self.length = file.seek(0, os.SEEK_END)
            file.seek(max(0, self.length - 1))
            self._torn = file.read() != b"\n"
        self._file = self._path.open("ab", buffering=0)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.decoding.close()
        self.network.close()

    def append(self, source: str, source_digest: str, target: str, data: bytes | memoryview) -> None:
        """Append an entry; it is on disk when this returns.

        Raises:
            OSError: it cannot be written; the next entry then starts on a new line.
        """
        entry = JournalEntry(source, source_digest, self.key, target, hashlib.sha256(data).hexdigest())
        with self._lock:
            self._write(_line(asdict(entry)))
            self.index.add(entry)

    def check_in_place(self) -> None:
        """Check that this journal is still in its folder; what is written to the folder would be lost otherwise.

        Raises:
            OutputGoneError: the folder was removed, renamed or unmounted, or the journal was.
        """
        try:
            there, here = self._path.stat(), os.fstat(self._file.fileno())
        except OSError:  # also the stale handle of a network share
            raise OutputGoneError(self._folder) from None
        # Some network shares give a file another number each time.
        same = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
        if not same and (there.st_size, there.st_mtime_ns) != (here.st_size, here.st_mtime_ns):
            raise OutputGoneError(self._folder)

    def record_backend(self, entry: BackendEntry) -> None:
        """Append what runs the model; older versions of restore skip the line.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            self._write(_line({"backend": asdict(entry)}))

    def absorb(self, journals: Iterable[Path]) -> None:
        """Append what other journals of this folder say, whose jobs have ended, and remove them.

        Raises:
            PlanError: one of them is not a journal.
            OSError: one cannot be read, or this one cannot be written.
        """
        for path in journals:
            lines = [line for line in _lines(path) if line]
            with self._lock:
                if lines:
                    self._write(b"\n".join(lines) + b"\n")
            path.unlink()

    def targets_since(self, length: int) -> frozenset[str]:
        """The targets of the entries behind this many bytes of its file."""
        return frozenset(entry.target for entry in _entries(journal_content(self._path)[length:].split(b"\n")))

    def _record_verdict(self, verdict: Verdict) -> None:
        with self._lock:
            self._write(_line(verdict.line()))

    def _write(self, line: bytes) -> None:
        if self._torn:
            line = b"\n" + line
        self._torn = True
        written = 0
        with naming(self._path):
            while written < len(line):
                written += self._file.write(line[written:]) or 0
            os.fsync(self._file.fileno())
        self._torn = False


def journal_content(path: Path) -> bytes:
    """A journal's bytes. Raises PlanError if it is a pipe or a device."""
    try:
        with open_regular(path) as file:
            return file.read()
    except NotRegularError as error:
        raise PlanError(f"{path} is named like a journal, but {error.strerror}: move it away") from error


def _line(values: Mapping[str, object]) -> bytes:
    # Escapes can also represent names whose bytes are not valid text.
    return json.dumps(values, ensure_ascii=True).encode() + b"\n"


def _lines(path: Path) -> list[bytes]:
    """The lines of a journal after the first, which says that it is one."""
    first, *lines = journal_content(path).split(b"\n")
    cure = "move it away, or choose another output folder"
    try:
        version = parse_json(first)[_FORMAT]
    except (ValueError, TypeError, KeyError) as error:
        raise PlanError(f"{path} is named like a journal but is not one: {cure}") from error
    if version != _VERSION:
        raise PlanError(
            f"{path} is a journal of version {version}, but this restore supports {_VERSION}: update restore, or {cure}"
        )
    return lines


def _entries(lines: Iterable[bytes]) -> Iterator[JournalEntry]:
    for line in lines:
        try:
            entry = JournalEntry(**parse_json(line))
            if all(isinstance(value, str) for value in asdict(entry).values()):
                yield entry
        except (ValueError, TypeError):
            continue  # cut off by a kill: the picture is enhanced again
