"""What the user is told of a job: lines on the screen, records for programs, and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from restore.jobs.outcome import Outcome, Status
from restore.jobs.plan import Plan
from restore.jobs.report import FileRecord, PageWriter, SummaryRecord, folder_record, record, write_report
from restore.utils.text import printable

Record = FileRecord | SummaryRecord


@dataclass
class Teller:
    """Tells outcomes as they come and counts them; over several plans when a folder is watched.

    Attributes:
        screen: for people, on standard error.
        say: prints a line for people on standard output.
        give: gets each record as it comes, in place of the lines on standard output; None for people alone.
        report: file to write at the end, or None.
        page: gives what writes a report for a browser; None where none can be had.
    """

    screen: Console
    say: Callable[[str], None]
    give: Callable[[Record], None] | None = None
    report: Path | None = None
    page: Callable[[], PageWriter] | None = None
    failed: int = 0
    ignored: int = 0
    counts: Counter[Status] = field(default_factory=Counter)
    records: list[FileRecord] = field(default_factory=list)

    def begin(self, plan: Plan) -> None:
        """What is known before the job: skipped pictures, and folders that cannot be read."""
        self.ignored = plan.ignored
        for item in plan.skipped:
            self.outcome(Outcome(item, "skipped"))
        for unreadable in plan.unreadable:
            self.failed += 1
            self._keep(folder_record(unreadable))
            self.warn(f"failed: {printable(unreadable.folder)}: the folder cannot be read: {unreadable.reason}", "red")

    def outcome(self, outcome: Outcome) -> None:
        """One picture is over."""
        self.counts[outcome.status] += 1
        self._keep(record(outcome))
        source = printable(outcome.item.source)
        if outcome.status == "failed":
            self.failed += 1
            self.warn(f"failed: {source}: {printable(outcome.error)}", "red")
        elif outcome.note:
            self.warn(f"{source}: {outcome.note}")

    def planned(self, outcome: Outcome) -> None:
        """One picture of a dry run."""
        self.counts[outcome.status] += 1
        self.failed += outcome.status == "failed"
        self._keep(record(outcome))
        if self.give is not None:
            return
        source, target = printable(outcome.item.source), printable(outcome.item.target)
        why = {"skipped": "skip, its result exists", "done": "skip, done before", "failed": printable(outcome.error)}
        self.say(f"{source}: {why[outcome.status]}" if outcome.status in why else f"{source} -> {target}")

    def warn(self, text: str, style: str = "yellow") -> None:
        """A line for people."""
        self.screen.print(text, style=style, markup=False)

    def end(self, text: str, summary: SummaryRecord, shown: bool) -> None:
        """The last line, and the report.

        Args:
            text: the line.
            summary: of the job.
            shown: whether a report for a browser shows the pictures.
        """
        if self.give is not None:
            self.give(summary)
            self.warn(text, "default")
        else:
            self.say(text)
        if self.report is not None:
            write_report(self.report, self.records, summary, self.screen, self.page, shown)

    def _keep(self, one: FileRecord) -> None:
        if self.give is not None:
            self.give(one)
        if self.report is not None:
            self.records.append(one)


def counted(teller: Teller) -> str:
    """How many pictures ended how, in words."""
    counts = teller.counts
    parts = [f"{counts['planned']} to enhance"] if counts["planned"] else [f"{counts['enhanced']} enhanced"]
    parts += [f"{counts['done']} done before"] * bool(counts["done"])
    parts += [f"{counts['skipped']} skipped, their results exist"] * bool(counts["skipped"])
    parts += [f"{teller.failed} failed"] * bool(teller.failed)
    parts += [f"{teller.ignored} other file{'s' * (teller.ignored != 1)} left alone"] * bool(teller.ignored)
    return ", ".join(parts)
