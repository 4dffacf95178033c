"""Run a job in this process."""

from __future__ import annotations

from collections.abc import Callable

from restore.jobs.engine import JobNetwork, job_network
from restore.jobs.journal import Journal
from restore.jobs.open_network import open_network
from restore.jobs.outcome import Outcome, Summary
from restore.jobs.pipeline import run_job
from restore.jobs.plan import Plan
from restore.jobs.request import Request
from restore.jobs.settings import Settings, settings_of
from restore.jobs.stop import Stop
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan


class LocalEngine:
    """See :class:`restore.jobs.engine.Engine`.

    Args:
        request: the job.
        plan: its pictures.
        stop: checked before each of them.
        warn: receives sentences for the user.

    Raises:
        RestoreError: see :func:`restore.jobs.open_network.open_network`.
    """

    note = ""

    def __init__(self, request: Request, plan: Plan | StorePlan, stop: Stop, warn: Callable[[str], None]) -> None:
        from restore.jobs.pace import Pace

        opened = open_network(request, plan)
        self.network: JobNetwork = job_network(request, opened)
        self._request, self._chain, self._stop = request, opened.network, stop
        # What arrives in a watched folder, and what is left of a resumed job, is not known in advance.
        items = [] if request.watch or request.resume or isinstance(plan, StorePlan) else plan.items
        pace = Pace(self._chain.models, items, request.read_timeout, warn, request.tile)
        self._streams = self._chain.streams(request.stream_options(), warn, pace.watched())

    def run(
        self,
        plan: Plan | StorePlan,
        journal: Journal | StoreJournal | None,
        on_outcome: Callable[[Outcome], None],
        summary: Summary,
        watched: bool,
    ) -> None:
        settings: Settings = settings_of(
            self._request,
            self._chain,
            self._streams.before,
            plan.results if isinstance(plan, StorePlan) else None,
            self._request.resume or watched,
        )
        run_job(plan, self._streams.last, on_outcome, settings, journal, self._stop, summary)
