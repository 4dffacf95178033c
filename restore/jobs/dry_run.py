"""Show what a job would do."""

from __future__ import annotations

from functools import partial

from restore.errors import ImageError
from restore.jobs.console import JobReporter, counted
from restore.jobs.earlier_results import earlier
from restore.jobs.journal import JournalIndex, file_digest
from restore.jobs.open_network import open_network
from restore.jobs.outcome import Outcome
from restore.jobs.picture_digest import picture_digest
from restore.jobs.plan import Plan
from restore.jobs.request import Request, job_key_of
from restore.jobs.store_plan import StorePlan
from restore.utils.time_limit import StalledError, unless_stalled
from restore.zoo.chain_names import chain_label


def show_plan(plan: Plan | StorePlan, request: Request, reporter: JobReporter) -> None:
    """Print the plan; write nothing."""
    if isinstance(plan, StorePlan):
        _show_stored(plan, request, reporter)
    else:
        _show_files(plan, request, reporter)
    if reporter.give is None:
        reporter.say(f"{counted(reporter)}; {chain_label(request.model_name)}; nothing was written")


def _show_stored(plan: StorePlan, request: Request, reporter: JobReporter) -> None:
    """Objects are not read: what the store tells of them is enough. Files are, if it depends on their content."""
    key = job_key_of(request, open_network(request, plan).network) if request.resume else ""
    journal = JournalIndex(plan.folder) if request.resume and plan.folder is not None else None
    for item in plan.items:
        outcome = plan.results.known(item)
        if outcome is None and request.resume:
            try:
                digest = item.origin.listed.identity if item.origin and item.origin.listed else ""
                digest = digest or file_digest(item.source)
            except OSError as error:
                outcome = Outcome(item, "failed", f"cannot be read: {error.strerror}")
            else:
                again = request.existing == "overwrite"
                known = plan.results.earlier(item, digest, key)
                outcome = earlier(item, digest, key, journal, again) if journal else known
        reporter.planned(outcome or Outcome(item, "planned"))
    reporter.begin(plan)


def _show_files(plan: Plan, request: Request, reporter: JobReporter) -> None:
    reporter.begin(Plan([], unreadable=plan.unreadable, ignored=plan.ignored))
    for item in plan.skipped:
        reporter.planned(Outcome(item, "skipped"))
    known = None
    if request.resume and plan.folder is not None:
        known = job_key_of(request, open_network(request, plan).network), JournalIndex(plan.folder)
    for item in plan.items:
        outcome = None
        if known is not None or request.masks is not None:
            try:
                mask = None if request.masks is None else request.masks.file(item)
                if known is not None:
                    digest = unless_stalled(partial(picture_digest, item.source, mask), request.read_timeout)
                    outcome = earlier(item, digest, *known, request.existing == "overwrite")
            except ImageError as error:
                outcome = Outcome(item, "failed", str(error))
            except OSError as error:
                outcome = Outcome(item, "failed", f"cannot be read: {error.strerror}")
            except StalledError as error:
                outcome = Outcome(item, "failed", f"cannot be read: {error}")
        reporter.planned(outcome or Outcome(item, "planned"))
