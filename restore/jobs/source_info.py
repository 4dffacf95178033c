"""What is known about a picture before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from restore.jobs.outcome import Outcome


@dataclass(frozen=True)
class SourceInfo:
    """What is known about a source before it is decoded.

    Attributes:
        digest: SHA-256 of its bytes, or what stands for them in a store; empty without a journal.
        decoded: size in bytes after decoding, estimated from its header.
        growth: bytes held for the picture, its results included, per byte decoded.
        version: size and modification time.
        seconds: duration of the inspection.
        outcome: set if nothing is left to do.
    """

    digest: str = ""
    decoded: int = 0
    growth: float = 1.0
    version: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    outcome: Outcome | None = None
