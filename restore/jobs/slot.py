"""One picture of a running job."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from restore.imaging.picture import Picture, Samples
from restore.jobs import animation
from restore.jobs.outcome import Outcome, Seconds
from restore.jobs.plan import Item
from restore.jobs.source_info import SourceInfo
from restore.runtime.classification import UNTOLD, Told


@dataclass
class Slot:
    """One picture in flight.

    Attributes:
        digest: of the source's bytes; empty without a journal.
        decoded: size in bytes after decoding, estimated from the file's header.
        growth: bytes held per byte decoded.
        held: bytes currently counted against the memory limit.
        between: the picture before the last model of a chain.
        running: its place in the record of what is in the network.
        results: the network's results so far.
        animated: all frames enhanced, if it is an animation.
        outcome: set when the picture is finished.
    """

    item: Item
    inspecting: Future[SourceInfo]
    digest: str = ""
    decoded: int = 0
    growth: float = 1.0
    held: int = 0
    reading: Future[tuple[Picture, float]] | None = None
    picture: Picture | None = None
    between: Picture | None = None
    told: Told = UNTOLD
    wanted: int = 0
    running: int | None = None
    results: list[Samples | Exception] = field(default_factory=list)
    animated: animation.Enhanced | None = None
    writing: Future[Outcome] | None = None
    seconds: Seconds = field(default_factory=Seconds)
    outcome: Outcome | None = None
