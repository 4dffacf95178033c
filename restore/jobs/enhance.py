"""Run ``restore enhance`` with parsed options."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import HopelessError
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.console import JobReporter, Record, counted
from restore.jobs.contradictions import refuse_contradictions
from restore.jobs.dry_run import show_plan
from restore.jobs.engine import Engine
from restore.jobs.journal import Journal, OutputGoneError
from restore.jobs.last_backend import last_backend
from restore.jobs.ledger import Ledger
from restore.jobs.local_engine import LocalEngine
from restore.jobs.lock import locked, refuse_locked
from restore.jobs.naming import Naming, PlanError
from restore.jobs.outcome import Outcome, Summary
from restore.jobs.plan import Existing, Plan, make_plan
from restore.jobs.progress import job_progress
from restore.jobs.report import PageWriter, SummaryRecord, check_report
from restore.jobs.request import Request
from restore.jobs.stop import Stop, stoppable
from restore.jobs.store_job import open_store_journal, plan_stores
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan
from restore.jobs.watch import watch
from restore.utils.atomic_write import scratch_folder, sweep
from restore.utils.text import printable
from restore.zoo.chain_names import chain_files, chain_label

if TYPE_CHECKING:
    from rich.console import Console


FAILED, INTERRUPTED = 1, 130


def start(
    request: Request,
    screen: Console,
    say: Callable[[str], None],
    page: Callable[[], PageWriter] | None = None,
    give: Callable[[Record], None] | None = None,
    hard: bool = False,
    ledger: Ledger | None = None,
) -> int:
    """Run the job.

    Args:
        request: the options.
        screen: human-readable output.
        say: prints a human-readable line on standard output.
        page: returns the writer of HTML reports; None if HTML is not supported.
        give: receives each picture's record as it finishes, then the summary; replaces ``say``.
        hard: see :func:`restore.jobs.stop.stoppable`.
        ledger: of a process that watches over this one; None if there is none.

    Returns:
        The exit code: 0 all done, 1 some failed, 130 interrupted.

    Raises:
        RestoreError: wrong usage (nothing was written), or the disk cannot be written to any more.
        KeyboardInterrupt: interrupted before the job began.
    """
    scratched = scratch_folder() if request.uses_stores else nullcontext()
    # A cluster may take longer to leave than an interrupted job has.
    with ExitStack() as last, stoppable(hard) as stop, scratched as scratch:
        return _start(request, screen, say, page, give, stop, ledger, scratch, last)


def _start(
    request: Request,
    screen: Console,
    say: Callable[[str], None],
    page: Callable[[], PageWriter] | None,
    give: Callable[[Record], None] | None,
    stop: Stop,
    ledger: Ledger | None,
    scratch: Path | None,
    last: ExitStack,
) -> int:
    refuse_contradictions(request)
    if ledger is not None and ledger.again:
        request = request.continued()
    if request.report is not None:
        check_report(request.report, page)
    suffix = f".{request.format_}" if request.format_ else None
    naming = Naming(request.name, suffix, all_frames=request.frames == "all")
    if naming.needs("model") or naming.needs("scale"):
        naming = replace(naming, model=chain_label(request.model_name), scale=_scale_text(request))
    # Plan before opening the model where possible, so that usage errors appear before anything heavy loads.
    plan = _plan(request, naming, first=True) if scratch is None else plan_stores(request, naming, scratch)
    reporter = JobReporter(screen, say, give, None if request.dry_run else request.report, page, ledger)
    if scratch is not None:
        reporter.keep_on_disk(scratch)
    with closing(plan) if isinstance(plan, StorePlan) else nullcontext():
        if request.dry_run:
            show_plan(plan, request, reporter)
            return FAILED if reporter.failed else 0
        if plan.folder is not None:
            refuse_locked(plan.folder, request.shard)
        engine = _engine(request, plan, stop, reporter, last)
        for warning in engine.network.warnings:
            reporter.warn(warning)
        return _Enhancing(request, naming, engine, reporter, stop).run(plan)


def _engine(request: Request, plan: Plan | StorePlan, stop: Stop, reporter: JobReporter, last: ExitStack) -> Engine:
    if request.engine == "local":
        return LocalEngine(request, plan, stop, reporter.warn)
    from restore.jobs.ray_engine import RayEngine

    return last.enter_context(RayEngine(request, plan, stop, reporter))


def _plan(request: Request, naming: Naming, first: bool) -> Plan:
    existing: Existing = request.existing or "refuse"
    if request.resume or (not first and existing != "skip"):
        existing = "overwrite"  # the journal decides for each picture whether it may be replaced
    return make_plan(request.paths, request.folder, naming, existing, request.shard, tolerant=request.watch)


def _scale_text(request: Request) -> str:
    from restore.runtime.model import file_spec

    if request.size.options() and request.scale is None:
        raise PlanError(f"--name {request.name!r}: {{scale}} differs from picture to picture here; use --scale")
    scales = [file_spec(file, request.spec).scale for file in chain_files(request.model_name)]
    return f"{request.scale or math.prod(scales):g}"


class _Enhancing:
    """The running job: one plan, or several when a folder is watched."""

    def __init__(self, request: Request, naming: Naming, engine: Engine, reporter: JobReporter, stop: Stop) -> None:
        self._request = request
        self._naming = naming
        self._engine = engine
        self._network = engine.network
        self._reporter = reporter
        self._stop = stop
        self._summary = Summary(workers=request.workers)
        self._complaint = ""
        self._refused: set[str] = set()

    def run(self, plan: Plan | StorePlan) -> int:
        request, reporter = self._request, self._reporter
        interrupted = False
        key = self._network.key
        try:
            if isinstance(plan, StorePlan) and plan.out is not None:
                with open_store_journal(plan, key, request) as kept:
                    self._record_backends(kept.record_backend, plan.index.backends.get)
                    self._job(plan, kept)
            elif plan.folder is None:
                self._job(plan, None)
            else:
                plan.folder.mkdir(parents=True, exist_ok=True)
                with locked(plan.folder, request.shard), Journal(plan.folder, key, request.shard) as journal:
                    if not isinstance(plan, StorePlan):
                        self._go_on(journal)
                    self._record_backends(journal.record_backend, partial(last_backend, plan.folder))
                    self._sweep(plan)
                    self._folder(plan, journal)
                    journal.check_in_place()
        except KeyboardInterrupt:
            interrupted = True
        except (HopelessError, OSError) as error:
            if isinstance(error, OSError):  # nobody reads the output any more
                reporter.mute()
            if isinstance(error, OutputGoneError):
                reporter.withdraw_missing()
            with suppress(OSError):  # the report may be on the same disk
                self._end(interrupted, whole=False)
            raise
        if not interrupted:
            reporter.withdraw_missing()
        self._end(interrupted, whole=not interrupted)
        if interrupted:
            if plan.folder is None and (not isinstance(plan, StorePlan) or plan.out is None):
                how = "the picture was written" if self._summary.counts["enhanced"] else "nothing was written"
            elif request.watch:
                how = "written files are complete; run the same command with --resume to keep watching"
            else:
                how = "written files are complete; run the same command with --resume to continue"
            reporter.warn(f"Interrupted: {how}.")
            return INTERRUPTED
        return FAILED if reporter.failed else 0

    def _record_backends(
        self, write: Callable[[BackendEntry], None], last: Callable[[str], BackendEntry | None]
    ) -> None:
        for entry in self._network.entries:
            if last(entry.model) != entry:
                write(entry)

    def _go_on(self, journal: Journal) -> None:
        """Go on where an earlier process of this job crashed, if one did."""
        ledger = self._reporter.ledger
        if ledger is not None:
            ledger.begin(journal.length)
            if ledger.again and ledger.journaled is not None:
                self._reporter.made = journal.targets_since(ledger.journaled)

    def _folder(self, plan: Plan | StorePlan, journal: Journal) -> None:
        if not self._request.watch:
            self._job(plan, journal)
            return

        def run(arrived: Plan) -> None:
            self._job(arrived, journal, watched=True)

        watch(
            self._request.paths[0], self._plan_again, run, self._request.settle, self._stop.check, self._reporter.warn
        )

    def _plan_again(self, first: bool) -> Plan | None:
        """Plan while a folder is watched: pictures whose names clash are reported once and wait until that is fixed."""
        if not self._request.paths[0].is_dir():
            return None  # its absence was reported
        try:
            plan = _plan(self._request, self._naming, first)
        except PlanError as error:
            if str(error) != self._complaint:
                self._reporter.warn(str(error), "red")
                self._complaint = str(error)
            return None
        self._complaint = ""
        for refused in plan.refused:
            if refused not in self._refused:
                self._reporter.warn(refused, "red")
        self._refused = set(plan.refused)
        return plan

    def _job(self, plan: Plan | StorePlan, journal: Journal | StoreJournal | None, watched: bool = False) -> None:
        reporter = self._reporter
        if not isinstance(plan, StorePlan):
            reporter.begin(plan)
            if not watched:  # a watched folder may bring a picture again
                plan = reporter.rest(plan)
        with job_progress(reporter.screen, None if isinstance(plan, StorePlan) else len(plan.items)) as advance:

            def on_outcome(outcome: Outcome) -> None:
                reporter.outcome(outcome)
                advance()

            try:
                self._engine.run(plan, journal, on_outcome, self._summary, watched)
            finally:
                if isinstance(plan, StorePlan):  # it is known by now
                    reporter.begin(plan)

    def _sweep(self, plan: Plan | StorePlan) -> None:
        if not self._request.resume or plan.folder is None:
            return
        below = set() if isinstance(plan, StorePlan) else {item.target.parent for item in plan.items}
        removed = sum(sweep(folder) for folder in {plan.folder, *below})
        if removed:
            self._reporter.warn(f"{removed} temporary file{'s' * (removed != 1)} left by a killed run removed")

    def _end(self, interrupted: bool, whole: bool) -> None:
        request, network, summary = self._request, self._network, self._summary
        reporter = self._reporter
        record: SummaryRecord = {
            "type": "summary",
            "enhanced": reporter.counts["enhanced"],
            "done": reporter.counts["done"],
            "skipped": reporter.counts["skipped"],
            "failed": reporter.failed,
            "ignored": reporter.ignored,
            "seconds": round(summary.wall, 3),
            "busy": {stage: round(share, 3) for stage, share in summary.busy().items()},
            "interrupted": interrupted,
            "input": ", ".join(map(str, request.sources)),
            "output": str(request.target),
            "model": network.name,
            "precision": network.precision,
            "model_digest": network.digest,
            "mask": "" if request.masks is None else str(request.masks),
            "device": network.device,
            "backend": network.text,
            "versions": dict(network.versions),
        }
        text = (
            f"{counted(reporter)}; {network.name} {network.precision} on {network.device}"
            f"{'' if request.masks is None else ', inside masks'}, "
            f"{summary.wall:.1f} s; "
            f"results in {printable(str(request.target))}"
        )
        where = summary.bottleneck()
        # After an early end, do not read the pictures again for the report; the disk may even be full.
        text = "\n".join(filter(None, (text, network.text, self._engine.note, where)))
        reporter.end(text, record, shown=whole)
