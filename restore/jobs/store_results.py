"""What a job over a store does about results that are there, and how it writes its own."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from threading import Event

from restore.jobs.earlier_results import CURE
from restore.jobs.outcome import Outcome
from restore.jobs.plan import Existing, Item
from restore.jobs.store_index import StoreIndex
from restore.jobs.store_journal import StoreJournal


@dataclass(frozen=True)
class StoreResults:
    """The results of a job some end of which is in a store.

    Attributes:
        index: what the store has, and what its journals say.
        existing: what to do about existing results.
        resume: whether the journal decides that.
    """

    index: StoreIndex
    existing: Existing
    resume: bool

    def known(self, item: Item) -> Outcome | None:
        """The outcome of a picture that is not read at all: it cannot be enhanced, or its result is there."""
        if item.fault:
            return Outcome(item, "failed", item.fault)
        if self.resume or self.existing == "overwrite" or not self._is_there(item):
            return None
        if self.existing == "skip":
            return Outcome(item, "skipped")
        return Outcome(
            item, "failed", f"{item.shown_target} already exists: add --resume, --overwrite or --skip-existing"
        )

    def earlier(self, item: Item, digest: str, key: str) -> Outcome | None:
        """With ``--resume``: the outcome of a picture whose result is in the store, done or taken; None otherwise."""
        if self.index.is_done(item.source_name, digest, key, item.target_name):
            return Outcome(item, "done")
        replaced = self.existing == "overwrite" or self.index.is_ours(item.target_name)
        if replaced or not self.index.is_there(item.target_name):
            return None
        if self.index.knows(item.target_name):
            return Outcome(item, "failed", f"{item.shown_target} was changed since restore wrote it: {CURE}")
        return Outcome(
            item,
            "failed",
            f"{item.shown_target} is not a result of restore, as far as the journal there knows: {CURE}",
        )

    def save(
        self, item: Item, data: bytes | memoryview, digest: str, journal: StoreJournal | None, abandoned: Event
    ) -> None:
        """Write a result into the store, and note it in the journal.

        Raises:
            FileExistsError: it has appeared since the results were listed.
            HopelessError: the credentials are not accepted, or the journal cannot be written.
            StoreError: it cannot be written.
        """
        assert item.goal is not None
        if abandoned.is_set():
            raise InterruptedError(errno.EINTR, "the job has ended")
        overwrite = self.existing == "overwrite" or (self.resume and self.index.is_there(item.target_name))
        etag = item.goal.store.put(item.goal.name, data, overwrite)
        if journal is not None:
            journal.append(item.source_name, digest, item.target_name, data, etag)

    def _is_there(self, item: Item) -> bool:
        return self.index.is_there(item.target_name) if item.goal else os.path.lexists(item.target)
