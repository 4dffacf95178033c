"""What was looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what, in a word or two.
        passed: whether it is as it should be; None for what is told and not judged.
        measured: what was found, with its figures.
    """

    name: str
    passed: bool | None
    measured: str


def failures(checks: list[Check]) -> list[Check]:
    """Those that did not pass."""
    return [check for check in checks if check.passed is False]


def described(checks: list[Check]) -> str:
    """Checks in one sentence, for an error's text."""
    return "; ".join(f"{check.name}: {check.measured}" for check in checks)
