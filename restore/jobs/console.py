"""A job's output: lines on the screen, records for programs, and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from restore.jobs.claims import GONE, missing
from restore.jobs.ledger import Ledger
from restore.jobs.outcome import Outcome, Status
from restore.jobs.plan import Item, Plan
from restore.jobs.record_file import RecordFile
from restore.jobs.report import FileRecord, PageWriter, SummaryRecord, folder_record, record, write_report
from restore.jobs.store_plan import StorePlan
from restore.utils.text import printable

Record = FileRecord | SummaryRecord


@dataclass
class JobReporter:
    """Prints and counts outcomes as they arrive; over several plans when a folder is watched.

    Attributes:
        screen: human-readable output, on standard error.
        say: prints a human-readable line on standard output.
        give: receives each record as it arrives, instead of lines on standard output; None for human-readable output.
        report: file for the report written at the end, or None.
        page: returns the writer of HTML reports; None if HTML is not supported.
        ledger: what other processes of this job have reported before they crashed; None if nobody watches over it.
        made: targets that they have written, by their names in the journal.
    """

    screen: Console
    say: Callable[[str], None]
    give: Callable[[Record], None] | None = None
    report: Path | None = None
    page: Callable[[], PageWriter] | None = None
    ledger: Ledger | None = None
    made: frozenset[str] = frozenset()
    failed: int = 0
    ignored: int = 0
    counts: Counter[Status] = field(default_factory=Counter)
    records: list[FileRecord] | RecordFile = field(default_factory=list)
    on_disk: bool = False
    claimed: list[Outcome] = field(default_factory=list)

    def keep_on_disk(self, folder: Path) -> None:
        """Keep nothing of single pictures in memory, for a job of any number of them: the report's records go to disk.

        After a crash of the process, the next one tells what this one had done as done before.
        """
        self.on_disk = True
        if self.report is not None:
            self.records = RecordFile(folder / "records")

    def begin(self, plan: Plan | StorePlan) -> None:
        """Report what is known before the job, or after it: skipped pictures, and folders that cannot be read."""
        self.ignored = plan.ignored
        for item in plan.skipped:
            self.outcome(Outcome(item, "skipped"))
        for unreadable in plan.unreadable:
            self.failed += 1
            if self._keep(folder_record(unreadable)):
                text = f"failed: {printable(unreadable.folder)}: the folder cannot be read: {unreadable.reason}"
                self.warn(text, "red")

    def rest(self, plan: Plan) -> Plan:
        """The plan without the pictures that an earlier process of this job has reported, which are counted."""
        left = []
        for item in plan.items:
            one = self.ledger and self.ledger.of(item.source, item.target)
            if one:
                self._count(Outcome(item, one["status"], one["error"]))
                if self.report is not None:
                    self.records.append(one)
            else:
                left.append(item)
        return replace(plan, items=left)

    def outcome(self, outcome: Outcome) -> None:
        """Report a finished picture."""
        if outcome.status == "done" and outcome.item.target_name in self.made:
            outcome = replace(outcome, status="enhanced")
        self._count(outcome)
        if not self._keep(record(outcome)):
            return
        if outcome.status == "failed":
            self.warn(f"failed: {printable(outcome.item.shown_source)}: {printable(outcome.error)}", "red")
        elif outcome.note:
            self.warn(f"{printable(outcome.item.shown_source)}: {outcome.note}")

    def planned(self, outcome: Outcome) -> None:
        """Report one picture of a dry run."""
        self.counts[outcome.status] += 1
        self.failed += outcome.status == "failed"
        self._keep(record(outcome))
        if self.give is not None:
            return
        source, target = printable(outcome.item.shown_source), printable(outcome.item.shown_target)
        why = {"skipped": "skip, result exists", "done": "skip, already done", "failed": printable(outcome.error)}
        self.say(f"{source}: {why[outcome.status]}" if outcome.status in why else f"{source} -> {target}")

    def warn(self, text: str, style: str = "yellow") -> None:
        """Print a human-readable line."""
        self.screen.print(text, style=style, markup=False)

    def end(self, text: str, summary: SummaryRecord, shown: bool) -> None:
        """Print the last line and write the report.

        Args:
            text: the last line.
            summary: the job's summary.
            shown: whether an HTML report shows the pictures.
        """
        try:
            if self.give is not None:
                self.give(summary)
                self.warn(text, "default")
            else:
                self.say(text)
        finally:  # the terminal may be gone
            if self.report is not None:
                write_report(self.report, self.records, summary, self.screen, self.page, shown)

    def withdraw_missing(self) -> None:
        """Report pictures as failed whose results were there and are not any more; their last record counts."""
        gone = {item.target for item in missing(outcome.item for outcome in self.claimed)}
        if not gone:
            return
        self.records = [one for one in self.records if Path(one["target"]) not in gone]
        for outcome in self.claimed:
            if outcome.item.target in gone:
                self.counts[outcome.status] -= 1
                self.outcome(Outcome(outcome.item, "failed", GONE))

    def sort(self, items: Sequence[Item]) -> None:
        """Put the records for the report into the order of the plan; those of folders stay behind."""
        if isinstance(self.records, list):
            order = {item.shown_source: number for number, item in enumerate(items)}
            self.records.sort(key=lambda one: order.get(one["source"], len(order)))

    def mute(self) -> None:
        """Print nothing any more; reports are still written."""
        self.screen.quiet = True
        self.say, self.give = lambda _: None, lambda _: None

    def _count(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        self.failed += outcome.status == "failed"
        if outcome.status in ("enhanced", "done") and not self.on_disk:
            self.claimed.append(outcome)

    def _keep(self, one: FileRecord) -> bool:
        """Keep a record for the report; False if it was told before."""
        if self.on_disk and self.ledger is not None:
            self.ledger.tick()
        new = self.on_disk or self.ledger is None or self.ledger.add(one)
        if self.give is not None and new:
            self.give(one)
        if self.report is not None:
            self.records.append(one)
        return new


def counted(reporter: JobReporter) -> str:
    """A sentence with the number of pictures by status."""
    counts = reporter.counts
    parts = [f"{counts['planned']} to enhance"] if counts["planned"] else [f"{counts['enhanced']} enhanced"]
    parts += [f"{counts['done']} already done"] * bool(counts["done"])
    parts += [f"{counts['skipped']} skipped because their results exist"] * bool(counts["skipped"])
    parts += [f"{reporter.failed} failed"] * bool(reporter.failed)
    parts += [f"{reporter.ignored} other file{'s' * (reporter.ignored != 1)} ignored"] * bool(reporter.ignored)
    return ", ".join(parts)
