"""A worker of a spread job: opens the network once, and runs batch after batch through the pipeline of any job."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from restore.errors import HopelessError, RestoreError
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.batch import Batch, Done, Refused, Row, Stored, Told, row
from restore.jobs.chain import Chain, Streams
from restore.jobs.decoding_record import DecodingRecord
from restore.jobs.engine import job_network
from restore.jobs.journal import Journal, JournalEntry, JournalIndex, WorkerPart
from restore.jobs.journal_name import journal_name, worker_journal_name
from restore.jobs.network_record import NetworkRecord
from restore.jobs.open_network import open_models
from restore.jobs.outcome import Outcome, Status
from restore.jobs.pipeline import run_job
from restore.jobs.plan import Existing, Plan
from restore.jobs.request import Request
from restore.jobs.settings import settings_of
from restore.jobs.stop import Stop
from restore.jobs.store_index import StoreIndex
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_results import StoreResults
from restore.jobs.verdict import Verdict, Verdicts
from restore.stores.address import Address, parse
from restore.stores.filesystem import FileSystem
from restore.stores.store import Store
from restore.utils.atomic_write import scratch_folder
from restore.utils.processes import host_identity


@dataclass(frozen=True)
class WorkerJob:
    """What all workers of a job are told.

    Attributes:
        request: the job.
        folder: for the results, on a file system that all machines share; None if they go into a store.
        existing: what to do about existing results, of a job some end of which is in a store; None for other jobs.
        pixels: about how many its pictures have.
    """

    request: Request
    folder: Path | None
    existing: Existing | None
    pixels: float


class BatchWorker:
    """One process with one network.

    Args:
        job: see :class:`WorkerJob`.
    """

    def __init__(self, job: WorkerJob) -> None:
        self._job = job
        self._token = secrets.token_hex(8)
        self._stop = Stop()
        self._kept = ExitStack()
        self._numbers = itertools.count()
        self._opened: dict[str, FileSystem] = {}
        self._stores: dict[str, Store] = {}
        self._warnings: list[str] = []
        self._journal: Journal | None = None
        self._told: Told | None = None

    def open(self, earlier: Mapping[str, BackendEntry]) -> Told | Refused:
        """Open the network; a second call tells the same.

        Args:
            earlier: what runs each model elsewhere, by its digest.
        """
        if self._told is not None:
            return self._told
        try:
            opened = open_models(self._job.request, lambda: self._job.pixels, earlier.get)
            network = job_network(self._job.request, opened)
            self._chain: Chain = opened.network
            options = self._job.request.stream_options()
            self._streams: Streams = self._chain.streams(options, self._warnings.append)
            self._scratch: Path = self._kept.enter_context(scratch_folder())
        except RestoreError as error:
            return Refused(str(error), error.exit_code)
        except OSError as error:
            return Refused(f"{error.filename or 'its temporary folder'}: {error.strerror or error}")
        self._told = Told(network, self._token, socket.gethostname(), host_identity(), os.getpid())
        return self._told

    def run(self, batch: Batch) -> Done:
        """Enhance the pictures of a batch; ends early after :meth:`stop`."""
        began = time.perf_counter()
        rows: list[Row | None] = [None] * len(batch.pictures)
        hopeless = ""
        try:
            self._run(batch, rows)
        except KeyboardInterrupt:
            pass
        except HopelessError as error:
            hopeless = str(error)
        warnings, self._warnings[:] = tuple(dict.fromkeys(self._warnings)), []
        return Done(batch.number, rows, time.perf_counter() - began, warnings, hopeless)

    def stop(self) -> None:
        """End the current batch as soon as running writes have finished; no later one is begun."""
        from restore.runtime.running import end_runs

        self._stop.requested = True
        end_runs()

    def close(self) -> None:
        """Leave nothing behind but results and the journal."""
        self._kept.close()

    def _run(self, batch: Batch, rows: list[Row | None]) -> None:
        items = [one.item(self._store, self._copy) for one in batch.pictures]
        order = {id(item): number for number, item in enumerate(items)}
        resume = self._job.request.resume or bool(batch.lost)
        stored, noted = None, None
        made: frozenset[str] = frozenset()
        journal: Journal | StoreJournal | None
        with ExitStack() as stack:
            if self._job.existing is not None:
                index = StoreIndex()
                stack.callback(index.close)
                index.add_excerpt(batch.excerpt)
                # Without a folder nothing proves whose a result is that a lost worker may have put there.
                replaces = batch.lost and self._job.folder is None
                stored = StoreResults(index, "overwrite" if replaces else self._job.existing, resume)
            if self._job.folder is None:
                journal = noted = _BatchJournal(self._told_key, self._scratch, batch.verdicts)
            else:
                of_lost = self._of_lost(self._job.folder, batch)
                made = frozenset(entry.target for entry in of_lost)
                journal = self._folder_journal(self._job.folder, batch, of_lost)

            def on_outcome(outcome: Outcome) -> None:
                status: Status = outcome.status
                if status == "done" and outcome.item.target_name in made:
                    status = "enhanced"
                entry = noted.entries.get(outcome.item.target_name) if noted else None
                rows[order[id(outcome.item)]] = row(outcome, status, entry)

            settings = settings_of(self._job.request, self._chain, self._streams.before, stored, resume)
            run_job(Plan(items), self._streams.last, on_outcome, settings, journal, self._stop)

    @property
    def _told_key(self) -> str:
        assert self._told is not None
        return self._told.network.key

    def _folder_journal(self, folder: Path, batch: Batch, of_lost: Sequence[JournalEntry]) -> Journal:
        shard = self._job.request.shard
        if not (folder / journal_name(shard)).exists():
            raise HopelessError(
                f"{folder} on {socket.gethostname()} is not the folder of this job: with --engine ray, the output must "
                "be in a store, or on a file system that all machines share under the same path"
            )
        if self._journal is None:
            part = WorkerPart(self._token, self._scratch, batch.verdicts)
            self._journal = self._kept.enter_context(Journal(folder, self._told_key, shard, part))
        self._journal.index = JournalIndex(folder, (*batch.entries, *of_lost))
        return self._journal

    def _of_lost(self, folder: Path, batch: Batch) -> list[JournalEntry]:
        """What workers that were lost have noted about the pictures of a batch."""
        index = JournalIndex(folder, ())
        for token in batch.lost:
            with suppress(FileNotFoundError):  # it had written nothing
                index.read(folder / worker_journal_name(self._job.request.shard, token))
        return [entry for one in batch.pictures for entry in index.of(one.target_name)]

    def _store(self, address: str) -> Store:
        if address not in self._stores:
            place = parse(address)
            assert isinstance(place, Address)
            self._stores[address] = Store(place, self._job.request.read_timeout, self._opened)
        return self._stores[address]

    def _copy(self, suffix: str) -> Path:
        return self._scratch / f"{next(self._numbers)}{suffix}"


class _BatchJournal(StoreJournal):
    """Keeps the entries of a batch for the driver, which alone writes to the journal in the store."""

    def __init__(self, key: str, records: Path, verdicts: Sequence[Verdict]) -> None:
        self.key = key
        known = Verdicts(verdicts, lambda _: None)
        self.decoding = DecodingRecord(records, "", known)
        self.network = NetworkRecord(records, "", known, key)
        self.entries: dict[str, Stored] = {}

    def note(self, source: str, source_digest: str, target: str, digest: str, size: int, etag: str) -> None:
        self.entries[target] = Stored(source_digest, digest, size, etag)
