"""Run a job on a Ray cluster: this process keeps the plan, the journal and the report, and sends names to workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import HopelessError
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.batch import Batch, Row, Told, sent
from restore.jobs.batch_worker import WorkerJob
from restore.jobs.engine import JobNetwork
from restore.jobs.journal import Journal, JournalEntry
from restore.jobs.journal_name import worker_journal_name
from restore.jobs.last_backend import last_backends
from restore.jobs.naming import PlanError
from restore.jobs.open_network import count_pixels
from restore.jobs.outcome import Outcome, Summary
from restore.jobs.plan import Item, Plan
from restore.jobs.ray_pool import RayPool, Share
from restore.jobs.request import Request
from restore.jobs.spread import Spread
from restore.jobs.stop import Stop
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan
from restore.utils.atomic_write import sweep_of
from restore.zoo.chain_names import chain

if TYPE_CHECKING:
    from restore.jobs.console import JobReporter

_CPUS = 2


class RayEngine:
    """See :class:`restore.jobs.engine.Engine`. Use as a context manager, which leaves the cluster.

    Args:
        request: the job.
        plan: its pictures.
        stop: checked all the time.
        reporter: told what is worth knowing.

    Raises:
        RestoreError: the cluster cannot be reached, or the network cannot be opened there.
        KeyboardInterrupt: Ctrl-C.
    """

    def __init__(self, request: Request, plan: Plan | StorePlan, stop: Stop, reporter: JobReporter) -> None:
        out = plan.out if isinstance(plan, StorePlan) else None
        if plan.folder is None and out is None:
            raise PlanError(f"--engine ray needs a folder or several inputs, but {request.sources[0]} is one picture")
        self._request, self._plan, self._stop, self._reporter = request, plan, stop, reporter
        self._kept = ExitStack()
        try:
            self._begin()
        except BaseException:
            self._kept.close()
            raise

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def _begin(self) -> None:
        request, plan = self._request, self._plan
        began = time.perf_counter()
        self._pool = self._kept.enter_context(RayPool(request.address, request.max_workers))
        share = _share(request, self._pool)
        model = request.model and "+".join(map(_absolute, chain(request.model)))
        more = request.threads or max(1, int(share.cpus))
        measured = request.device == request.precision == "auto" and not share.gpus
        job = WorkerJob(
            replace(request, threads=more, model=model, masks=request.masks and request.masks.absolute()),
            plan.folder and plan.folder.absolute(),
            plan.results.existing if isinstance(plan, StorePlan) else None,
            count_pixels(request, plan) if measured else 0.0,
        )
        self._workers = self._pool.begin(job, share, _known(plan), self._earlier(), self._stop, self._reporter.warn)
        told = next(filter(None, self._workers.values()))
        self.network: JobNetwork = told.network
        self._started = time.perf_counter() - began

    def _earlier(self) -> dict[str, BackendEntry]:
        """What has run each model in an earlier part of the job, or another shard."""
        request, plan = self._request, self._plan
        if not request.resume and request.shard == (1, 1):
            return {}
        if isinstance(plan, StorePlan) and plan.out is not None:
            return dict(plan.index.backends)
        return {} if plan.folder is None else last_backends(plan.folder)

    @property
    def note(self) -> str:
        workers, hosts = len(self._pool.hosts), len(set(self._pool.hosts.values()))
        return (
            f"Ray: {workers} worker{'s' * (workers != 1)} on {hosts} machine{'s' * (hosts != 1)}, the first ready "
            f"{self._started:.1f} s after the start"
        )

    def run(
        self,
        plan: Plan | StorePlan,
        journal: Journal | StoreJournal | None,
        on_outcome: Callable[[Outcome], None],
        summary: Summary,
        watched: bool,
    ) -> None:
        assert journal is not None
        assert not watched
        began = time.perf_counter()

        def report(outcome: Outcome) -> None:
            summary.count(outcome)
            on_outcome(outcome)

        def on_row(item: Item, row: Row) -> None:
            if row.stored is not None and isinstance(journal, StoreJournal):
                noted = row.stored
                journal.note(
                    item.source_name, noted.source_digest, item.target_name, noted.target_digest, noted.size, noted.etag
                )
            report(row.outcome(item))

        spread = Spread(
            self._pool,
            self._left(plan, journal.key, report),
            partial(self._batch, plan, journal),
            on_row,
            self._on_lost,
            self._reporter.warn,
            self._stop,
            self._workers,
        )
        try:
            spread.run()
            self._pool.close()
            if isinstance(journal, Journal) and plan.folder is not None:
                journal.check_in_place()
                journal.absorb(sorted(plan.folder.glob(worker_journal_name(self._request.shard, "*"))))
        except HopelessError:
            if isinstance(journal, Journal):
                journal.check_in_place()  # which says more
            raise
        finally:
            summary.wall += time.perf_counter() - began
            summary.networks = max(1, len(self._pool.hosts))
            if isinstance(plan, Plan):
                self._reporter.sort(plan.items)

    def _left(self, plan: Plan | StorePlan, key: str, report: Callable[[Outcome], None]) -> Iterator[Item]:
        """The pictures that a worker must see; what is known of others is reported."""
        results = plan.results if isinstance(plan, StorePlan) else None
        for item in plan.items:
            self._stop.check()
            known = results and results.known(item)
            listed = item.origin.listed if item.origin else None
            if results and not known and self._request.resume and item.goal and listed and listed.identity:
                known = results.earlier(item, listed.identity, key)
            if known:
                report(known)
            else:
                yield item

    def _batch(
        self,
        plan: Plan | StorePlan,
        journal: Journal | StoreJournal,
        number: int,
        items: Sequence[Item],
        lost: tuple[str, ...],
    ) -> Batch:
        pictures, targets = tuple(map(sent, items)), [item.target_name for item in items]
        verdicts = tuple(journal.index.verdicts)
        if isinstance(plan, StorePlan) and plan.out is not None:
            return Batch(number, pictures, lost, verdicts, excerpt=plan.index.excerpt(targets))
        known: tuple[JournalEntry, ...] = ()
        if self._request.resume and isinstance(journal, Journal):
            known = tuple(entry for target in targets for entry in journal.index.of(target))
        return Batch(number, pictures, lost, verdicts, known)

    def _on_lost(self, told: Told, items: Sequence[Item]) -> None:
        for folder in {item.target.parent for item in items if item.goal is None}:
            sweep_of(folder, told.identity, told.process)


def _share(request: Request, pool: RayPool) -> Share:
    """What a worker takes: two CPUs if a machine has so many; a GPU if there are some and the device may be one."""
    machines = pool.machines
    cpus, gpus = request.cpus_per_worker, request.gpus_per_worker
    if cpus is None:
        cpus = max(1.0, min(_CPUS, max((machine.get("CPU", 0.0) for machine in machines), default=_CPUS)))
    if gpus is None:
        wanted = request.device.partition(":")[0] in ("auto", "cuda", "tensorrt", "tensorrt-rtx")
        gpus = float(wanted and any(machine.get("GPU", 0) >= 1 for machine in machines))
    return Share(cpus, gpus)


def _known(plan: Plan | StorePlan) -> float:
    """The number of pictures, as far as known."""
    return plan.count() if isinstance(plan, StorePlan) else len(plan.items)


def _absolute(model: str) -> str:
    """A name of a model as it is; the path of a file from the root on."""
    return str(Path(model).absolute()) if Path(model).is_file() else model
