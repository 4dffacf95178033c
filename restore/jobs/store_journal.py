"""The journal of a job whose results are in a store.

Objects cannot be appended to, so the journal is a folder of parts, ``.restore-journal/SHARD-RUN-NUMBER.jsonl``.
A part is written when a thousand lines have come together, or after ten seconds. Before the first picture of a page of
the listing is written, a part says which they are: if the job is killed, the results whose entries were lost are known
as its own, and are made again. Parts are merged when they have become many.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from restore.jobs.backend_entry import BackendEntry
from restore.jobs.decoding_record import DecodingRecord
from restore.jobs.journal_name import STEM
from restore.jobs.naming import PlanError
from restore.jobs.network_record import NetworkRecord
from restore.jobs.store_index import StoredEntry, StoreIndex
from restore.jobs.verdict import Verdict, Verdicts, read_verdicts
from restore.stores.faults import CredentialsError, StoreError, UnusableStoreError
from restore.stores.listing import Listed
from restore.stores.store import Store
from restore.utils.json_text import parse_json

_FORMAT, _VERSION = "restore-journal", 1
_PART_LINES, _PART_SECONDS = 1000, 10.0
# Small parts are merged when there are so many of them, up to so many bytes.
_MANY, _LARGE = 32, 4 << 20
_NAME = re.compile(re.escape(STEM) + r"/([0-9]+)-of-([0-9]+)-[0-9a-z]+-[0-9]+\.jsonl")


def concerns(name: str, shard: tuple[int, int]) -> bool:
    """Whether an object in the folder of results is a part of a journal that tells of this shard's pictures.

    The other shards of the same number do not.
    """
    named = _NAME.fullmatch(name)
    return named is not None and ((int(named[1]), int(named[2])) == shard or int(named[2]) != shard[1])


class StoreJournal:
    """The journal of one job or shard, for writing. Thread-safe; use as a context manager.

    Args:
        store: the folder of results.
        key: of the job, see :func:`restore.jobs.journal.job_key`.
        index: from :func:`read_parts`.
        shard: i of n.
        records: local folder for what must survive a crash of this process.

    Attributes:
        key: see above.
        index: see above; new entries are not added to it.
        decoding: which pictures are being decoded.
        network: which pictures are in the network.
    """

    def __init__(self, store: Store, key: str, index: StoreIndex, shard: tuple[int, int], records: Path) -> None:
        self.key = key
        self.index = index
        records.mkdir(parents=True, exist_ok=True)
        self._records = records
        verdicts = Verdicts(index.verdicts, self._record_verdict)
        self.decoding = DecodingRecord(records, "", verdicts)
        self.network = NetworkRecord(records, "", verdicts, key)
        self._store = store
        self._run = f"{int(time.time()):08x}{secrets.token_hex(4)}"  # later runs sort after earlier ones
        self._stem = f"{_shard_stem(shard)}-{self._run}"
        self._shard = shard
        self._lines: list[bytes] = []
        self._parts: list[tuple[str, int]] = []  # that this run has written, with their sizes
        self._number = 0
        self._begun = False
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._fault: Exception | None = None

    def __enter__(self) -> StoreJournal:
        threading.Thread(target=self._write_now_and_then, daemon=True, name="restore-journal").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self.decoding.close()
        self.network.close()
        with suppress(OSError):  # there is something to remember
            self._records.rmdir()
        if kind is None and self._begun:
            self._add({"ended": self._run})
        try:
            self._write_part()
        except (StoreError, CredentialsError):
            if kind is None:  # otherwise there is another error to tell
                raise

    def begin(self, targets: Sequence[str]) -> None:
        """Note the names of results before any of them is written; they are in the store when this returns.

        Raises:
            HopelessError: they cannot be written.
        """
        if targets:
            self._begun = True
            self._add({"begun": list(targets), "run": self._run})
            self._write_part()

    def append(self, source: str, source_digest: str, target: str, data: bytes | memoryview, etag: str) -> None:
        """Note a result that is in the store; the entry is there at the latest ten seconds later.

        Raises:
            HopelessError: earlier entries could not be written.
        """
        self.note(source, source_digest, target, hashlib.sha256(data).hexdigest(), len(data), etag)

    def note(self, source: str, source_digest: str, target: str, digest: str, size: int, etag: str) -> None:
        """Like :meth:`append`, of a result that another process has put there.

        Args:
            source: see :class:`restore.jobs.store_index.StoredEntry`, also for the others.
            source_digest: see there.
            target: see there.
            digest: SHA-256 of the result's bytes.
            size: of the result, in bytes.
            etag: see there.

        Raises:
            HopelessError: earlier entries could not be written.
        """
        entry = StoredEntry(source, source_digest, self.key, target, digest, size, etag, self._run)
        self._refuse_fault()
        if self._add(vars(entry)) >= _PART_LINES:  # which asdict() copies, at a hundred times the cost
            self._write_part()

    def record_backend(self, entry: BackendEntry) -> None:
        """Note what runs a model."""
        self._add({"backend": asdict(entry)})

    def merge(self, parts: Iterable[Listed]) -> None:
        """Merge small parts of this shard that earlier runs have left, if they are many."""
        stem = f"{STEM}/{_shard_stem(self._shard)}-"
        left = [(part.name, part.size or 0) for part in parts if part.name.startswith(stem)]
        with self._writing:
            self._merge(left)

    def _record_verdict(self, verdict: Verdict) -> None:
        self._add(verdict.line())
        self._write_part()

    def _add(self, values: Mapping[str, object]) -> int:
        """Add a line to the next part; returns the number of lines."""
        with self._lock:
            self._lines.append(json.dumps(values, ensure_ascii=True).encode())
            return len(self._lines)

    def _refuse_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _write_now_and_then(self) -> None:
        while not self._ended.wait(_PART_SECONDS):
            try:
                self._write_part()
            except Exception as error:
                self._fault = error  # ends the job with its next result
                return

    def _write_part(self) -> None:
        with self._writing:
            with self._lock:
                lines, self._lines = self._lines, []
            if not lines:
                return
            name = f"{STEM}/{self._stem}-{self._number:06}.jsonl"
            self._number += 1
            try:
                self._put(name, lines)
            except BaseException:
                with self._lock:
                    self._lines = lines + self._lines
                raise
            self._parts.append((name, sum(map(len, lines))))
            self._parts = self._merge(self._parts)

    def _put(self, name: str, lines: Sequence[bytes]) -> None:
        first = json.dumps({_FORMAT: _VERSION}).encode()
        try:
            self._store.put(name, b"\n".join([first, *lines, b""]), overwrite=True)
        except StoreError as error:
            raise UnusableStoreError(f"the journal cannot be written, so the job stopped: {error}") from error

    def _merge(self, parts: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Merge small parts; returns those that remain."""
        small = [(name, size) for name, size in parts if size < _LARGE // 2]
        if len(small) < _MANY:
            return parts
        lines, merged = [], []
        total = 0
        for name, size in small:
            if total and total + size > _LARGE:
                break
            with suppress(StoreError):  # it stays where it is
                lines += self._store.read(name).split(b"\n")[1:]
                merged.append(name)
                total += size
        together = f"{STEM}/{self._stem}-{self._number:06}.jsonl"
        self._number += 1
        lines = _without_settled(lines)
        self._put(together, lines)
        for name in merged:
            self._store.remove(name)
        return [(name, size) for name, size in parts if name not in merged] + [(together, sum(map(len, lines)))]


def read_parts(store: Store, parts: Iterable[Listed], index: StoreIndex) -> None:
    """Read journals in a folder of results into an index, one part at a time.

    Raises:
        PlanError: an object with a journal's name is not one, or is of a newer version.
        HopelessError: one cannot be read.
    """
    for part in parts:
        try:
            first, *lines = store.read(part.name).split(b"\n")
        except StoreError as error:
            if store.find(part.name) is None:
                continue  # merged by another worker meanwhile
            raise UnusableStoreError(str(error)) from error
        _check(store, part.name, first)
        index.verdicts += read_verdicts(lines)
        index.add_written(_entries(lines))
        for line in lines:
            if line.startswith(b'{"begun"'):
                with suppress(ValueError, TypeError, KeyError):
                    values = parse_json(line)
                    index.add_begun(map(str, values["begun"]), str(values["run"]))
            elif line.startswith(b'{"ended"'):
                with suppress(ValueError, TypeError):
                    index.add_ended(str(parse_json(line)["ended"]))
            elif line.startswith(b'{"backend"'):
                with suppress(ValueError, TypeError):
                    entry = BackendEntry(**parse_json(line)["backend"])
                    index.backends[entry.model] = entry


def _check(store: Store, name: str, first: bytes) -> None:
    where, cure = store.address.below(name), "move it away, or choose another output"
    try:
        version = parse_json(first)[_FORMAT]
    except (ValueError, TypeError, KeyError) as error:
        raise PlanError(f"{where} is named like a journal but is not one: {cure}") from error
    if version != _VERSION:
        raise PlanError(
            f"{where} is a journal of version {version}, but this restore supports {_VERSION}: update restore, or "
            f"{cure}"
        )


def _entries(lines: Iterable[bytes]) -> Iterator[StoredEntry]:
    for line in lines:
        if line.startswith(b'{"source"'):
            with suppress(ValueError, TypeError):
                entry = StoredEntry(**parse_json(line))
                sound = all(isinstance(value, int if name == "size" else str) for name, value in asdict(entry).items())
                if sound:
                    yield entry


def _without_settled(lines: Sequence[bytes]) -> list[bytes]:
    """Lines without empty ones, and without the beginnings of results whose run has an entry for them by now."""
    written = {(entry.run, entry.target) for entry in _entries(lines)}
    kept = []
    for line in lines:
        if line.startswith(b'{"begun"'):
            try:
                values = parse_json(line)
                left = [name for name in values["begun"] if (values["run"], name) not in written]
            except (ValueError, TypeError, KeyError):
                continue  # damaged
            line = json.dumps({**values, "begun": left}, ensure_ascii=True).encode() if left else b""
        kept += [line] * bool(line)
    return kept


def _shard_stem(shard: tuple[int, int]) -> str:
    return f"{shard[0]}-of-{shard[1]}"
