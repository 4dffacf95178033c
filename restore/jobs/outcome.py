"""What became of one picture, and of the job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from restore.jobs.plan import Item

# planned: not begun (--dry-run). enhanced: written now. done: an earlier run wrote the very same (--resume).
# skipped: its output was there already.
Status = Literal["planned", "enhanced", "done", "skipped", "failed"]
STAGES = ("decode", "network", "encode")


@dataclass
class Seconds:
    """Time that was worked, stage by stage; waiting does not count."""

    decode: float = 0.0
    network: float = 0.0
    encode: float = 0.0

    def add(self, other: Seconds) -> None:
        for stage in STAGES:
            setattr(self, stage, getattr(self, stage) + getattr(other, stage))

    def rounded(self) -> dict[str, float]:
        """Milliseconds kept, for reports."""
        return {stage: round(getattr(self, stage), 3) for stage in STAGES}


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        item: the picture.
        status: how it ended.
        error: why it failed; empty otherwise.
        note: what is not as one might expect of the result.
        seconds: where its time went.
        size_in: width and height of the source, upright; None when it was not decoded.
        size_out: width and height of the result.
        belief: which kind of picture the network took it for, and how sure it was, 0..1; None where it tells none.
    """

    item: Item
    status: Status
    error: str = ""
    note: str = ""
    seconds: Seconds = field(default_factory=Seconds)
    size_in: tuple[int, int] | None = None
    size_out: tuple[int, int] | None = None
    belief: tuple[str, float] | None = None


@dataclass
class Summary:
    """What became of a job.

    Attributes:
        counts: pictures by status.
        seconds: that each stage was busy, summed over its workers.
        wall: seconds from begin to end.
        workers: of the decoding and of the encoding pool, each.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    seconds: Seconds = field(default_factory=Seconds)
    wall: float = 0.0
    workers: int = 1

    def count(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        self.seconds.add(outcome.seconds)

    def busy(self) -> dict[str, float]:
        """Share of the wall-clock time that each stage worked, 0..1; a pool's is the mean over its workers."""
        wall = max(self.wall, 1e-9)
        return {
            "decode": self.seconds.decode / wall / self.workers,
            "network": self.seconds.network / wall,
            "encode": self.seconds.encode / wall / self.workers,
        }

    def bottleneck(self) -> str:
        """Where the time went, in words; empty when nothing was enhanced."""
        if not self.counts["enhanced"]:
            return ""
        busy = self.busy()
        slowest = max(busy, key=lambda stage: busy[stage])
        name = {"decode": "decoding", "network": "the network", "encode": "encoding"}[slowest]
        shares = ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in busy.items())
        return f"{shares} busy: {name} is the bottleneck"
