"""Outcomes of single pictures, and the summary of a job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from restore.jobs.plan import Item

if TYPE_CHECKING:
    from restore.runtime.edit import Edit

# planned: not started (--dry-run). enhanced: written now. done: an earlier run wrote the same result (--resume).
# skipped: its output already existed.
Status = Literal["planned", "enhanced", "done", "skipped", "failed"]
STAGES = ("decode", "network", "encode")


@dataclass
class Seconds:
    """Working time by stage, without waiting."""

    decode: float = 0.0
    network: float = 0.0
    encode: float = 0.0

    def add(self, other: Seconds) -> None:
        for stage in STAGES:
            setattr(self, stage, getattr(self, stage) + getattr(other, stage))

    def rounded(self) -> dict[str, float]:
        """Rounded to milliseconds, for reports."""
        return {stage: round(getattr(self, stage), 3) for stage in STAGES}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one picture.

    Attributes:
        item: the picture.
        status: how it ended.
        error: why it failed; empty otherwise.
        note: what may surprise about the result; empty otherwise.
        seconds: working time by stage.
        size_in: width and height of the source, upright; None when it was not decoded.
        size_out: width and height of the result.
        belief: kind of picture that the network detected and its probability, 0..1; None if it does not classify.
        edit: the edit that the network made; None if it does not tell one.
    """

    item: Item
    status: Status
    error: str = ""
    note: str = ""
    seconds: Seconds = field(default_factory=Seconds)
    size_in: tuple[int, int] | None = None
    size_out: tuple[int, int] | None = None
    belief: tuple[str, float] | None = None
    edit: Edit | None = None


@dataclass
class Summary:
    """The summary of a job.

    Attributes:
        counts: pictures by status.
        seconds: busy time by stage, summed over workers.
        wall: seconds from start to end.
        workers: threads of the decoding pool, and of the encoding pool.
        networks: number of networks that run at once, each with such pools.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    seconds: Seconds = field(default_factory=Seconds)
    wall: float = 0.0
    workers: int = 1
    networks: int = 1

    def count(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        self.seconds.add(outcome.seconds)

    def busy(self) -> dict[str, float]:
        """Share of wall-clock time that each stage was busy, 0..1; averaged over the workers of a pool."""
        wall = max(self.wall, 1e-9) * self.networks
        return {
            "decode": self.seconds.decode / wall / self.workers,
            "network": self.seconds.network / wall,
            "encode": self.seconds.encode / wall / self.workers,
        }

    def bottleneck(self) -> str:
        """A sentence about where the time went; empty if nothing was enhanced."""
        if not self.counts["enhanced"]:
            return ""
        busy = self.busy()
        slowest = max(busy, key=lambda stage: busy[stage])
        name = {"decode": "decoding", "network": "the network", "encode": "encoding"}[slowest]
        shares = ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in busy.items())
        return f"{shares} busy: {name} is the bottleneck"
