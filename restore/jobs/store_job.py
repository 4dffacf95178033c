"""Plan a job over a store by its request, and open its journal there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from restore.jobs.journal_name import part_name
from restore.jobs.naming import Naming
from restore.jobs.request import Request
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan
from restore.utils.user_folders import notes_folder


def plan_stores(request: Request, naming: Naming, scratch: Path) -> StorePlan:
    """The plan of a job some end of which is in a store.

    Args:
        request: the job.
        naming: of its results.
        scratch: folder for copies of objects.

    Raises:
        RestoreError: see :class:`restore.jobs.store_plan.StorePlan`.
    """
    sources = list(dict.fromkeys(request.sources))
    existing = request.existing or "refuse"
    more = request.shard, request.resume, request.read_timeout, scratch
    return StorePlan(sources, request.target, naming, existing, *more)


def open_store_journal(plan: StorePlan, key: str, request: Request) -> StoreJournal:
    """The journal of a job whose results go into a store.

    Args:
        plan: of the job; tells the journal from here on what is written next.
        key: of the job.
        request: the job.

    Raises:
        OSError: neither the cache folder nor the temporary folder can be written to.
        HopelessError: the store cannot be written to.
    """
    assert plan.out is not None
    # A crash is noted on this machine, at once: objects cannot be written so often.
    name = hashlib.sha256(f"{request.target}{part_name(request.shard)}".encode()).hexdigest()[:16]
    journal = StoreJournal(plan.out, key, plan.index, request.shard, notes_folder(f"jobs/{name}"))
    if request.resume:
        journal.merge(plan.parts)
    plan.tell(journal.begin, key)
    return journal
