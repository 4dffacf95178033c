"""What a job over a store must remember of all its pictures: on disk, so that memory does not grow with their number.

Names are kept as 64 bits of their digests: two of ten million are taken for one in a job out of three hundred thousand.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from restore.jobs.backend_entry import BackendEntry
from restore.jobs.verdict import Verdict

# Kilobytes of pages that SQLite keeps in memory.
_CACHE = 16_384
_TABLES = """
CREATE TABLE there (target INTEGER PRIMARY KEY, size INTEGER, etag TEXT);
CREATE TABLE written (target INTEGER, proof INTEGER, key INTEGER, size INTEGER, etag TEXT, run TEXT,
    PRIMARY KEY (target, proof)) WITHOUT ROWID;
CREATE TABLE begun (target INTEGER, run TEXT, PRIMARY KEY (target, run)) WITHOUT ROWID;
CREATE TABLE ended (run TEXT PRIMARY KEY);
CREATE TABLE planned (target INTEGER PRIMARY KEY);
"""
# A row of what was written that is still there, unchanged: by its ETag where it is known of both, and by its size.
_UNCHANGED = (
    "FROM written JOIN there USING (target) WHERE target = ? AND written.size = there.size "
    "AND (written.etag = '' OR there.etag = '' OR written.etag = there.etag)"
)
# What a run was about to write and did not come to note: neither it nor a later one did, or has ended in order.
_OPEN = (
    "FROM begun WHERE target = ? "
    "AND NOT EXISTS (SELECT 1 FROM written WHERE written.target = begun.target AND written.run >= begun.run) "
    "AND NOT EXISTS (SELECT 1 FROM ended WHERE ended.run >= begun.run)"
)


@dataclass(frozen=True)
class StoredEntry:
    """A line of a journal in a store: see :class:`restore.jobs.journal.JournalEntry`, also for the first five.

    Attributes:
        source_digest: of an object, :attr:`restore.stores.listing.Listed.identity`.
        size: of the result, in bytes.
        etag: that the store gave it; empty if it did not say.
        run: of the command that wrote it; later ones sort after earlier ones.
    """

    source: str
    source_digest: str
    key: str
    target: str
    target_digest: str
    size: int
    etag: str
    run: str


Excerpt = dict[str, list[tuple[int | str | None, ...]]]


class StoreIndex:
    """The results in a store, and what journals say about them. Thread-safe.

    Attributes:
        verdicts: on pictures that crashed a decoder or a network.
        backends: what ran each model last, by its digest.
    """

    def __init__(self) -> None:
        import sqlite3  # jobs on files need none

        # A database without a name: SQLite writes to a temporary file what does not fit into its cache.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._database.executescript(f"PRAGMA cache_size=-{_CACHE}; PRAGMA journal_mode=OFF; {_TABLES}")
        self.verdicts: list[Verdict] = []
        self.backends: dict[str, BackendEntry] = {}

    def close(self) -> None:
        """Remove what is on disk."""
        with self._lock:
            self._database.close()

    def add_there(self, listed: Iterable[tuple[str, int | None, str]]) -> None:
        """Note results that the store has: name, size and ETag, which is empty if it does not say."""
        self._many("INSERT OR REPLACE INTO there VALUES (?, ?, ?)", ((_number(name), *more) for name, *more in listed))

    def add_written(self, entries: Iterable[StoredEntry]) -> None:
        """Note entries of a journal."""
        rows = ((_number(e.target), _proof(e), _number(e.key), e.size, e.etag, e.run) for e in entries)
        self._many(
            "INSERT INTO written VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET size = excluded.size, "
            "etag = excluded.etag, run = excluded.run WHERE excluded.run >= run",
            rows,
        )

    def add_begun(self, targets: Iterable[str], run: str) -> None:
        """Note results that a run was about to write, where nothing was or what it could replace."""
        self._many("INSERT OR IGNORE INTO begun VALUES (?, ?)", ((_number(target), run) for target in targets))

    def add_ended(self, run: str) -> None:
        """Note a run that came to its end."""
        self._many("INSERT OR IGNORE INTO ended VALUES (?)", [(run,)])

    def plan(self, folded: str) -> bool:
        """Note the name of a result that this job writes; False if another picture's is the same.

        Args:
            folded: the name, in the form in which names are compared.
        """
        with self._lock:
            done = self._database.execute("INSERT OR IGNORE INTO planned VALUES (?)", (_number(folded),))
            return done.rowcount == 1

    def is_there(self, target: str) -> bool:
        """Whether the store had a result of this name when it was listed."""
        return self._any("FROM there WHERE target = ?", _number(target))

    def is_ours(self, target: str) -> bool:
        """Whether a result is there as a job has written it, or was about to."""
        return self._any(_UNCHANGED, _number(target)) or self._any(_OPEN, _number(target))

    def knows(self, target: str) -> bool:
        """Whether restore has ever written ``target``."""
        return self._any("FROM written WHERE target = ?", _number(target))

    def is_done(self, source: str, source_digest: str, key: str, target: str) -> bool:
        """Whether ``target`` is there, unchanged, and what a job with this key would write for this source."""
        proof = _proof(StoredEntry(source, source_digest, key, target, "", 0, "", ""))
        return self._any(f"{_UNCHANGED} AND proof = ?", _number(target), proof)

    def was_made_with(self, key: str, target: str) -> bool:
        """Whether ``target`` is there, unchanged, and a job with this key wrote it, from whichever source."""
        return self._any(f"{_UNCHANGED} AND key = ?", _number(target), _number(key))

    def excerpt(self, targets: Iterable[str]) -> Excerpt:
        """What is known of some results, for the index of another process: rows by table."""
        numbers = [_number(target) for target in targets]
        marks = ",".join("?" * len(numbers))
        with self._lock:
            found = {
                table: self._database.execute(f"SELECT * FROM {table} WHERE target IN ({marks})", numbers).fetchall()
                for table in ("there", "written", "begun")
            }
            # A run that has ended settles all before it.
            found["ended"] = self._database.execute("SELECT MAX(run) FROM ended HAVING MAX(run) NOT NULL").fetchall()
        return {table: rows for table, rows in found.items() if rows}

    def add_excerpt(self, excerpt: Excerpt) -> None:
        """Note what another index knows."""
        for table, rows in excerpt.items():
            if rows:
                self._many(f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)

    def _any(self, what: str, *values: int) -> bool:
        with self._lock:
            return self._database.execute(f"SELECT 1 {what} LIMIT 1", values).fetchone() is not None

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(statement, rows)
            self._database.execute("COMMIT")


def _proof(entry: StoredEntry) -> int:
    """What must be the same for a result to be done: its source, that one's content, and the job."""
    return _number("\0".join([entry.source, entry.source_digest, entry.key]))


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
