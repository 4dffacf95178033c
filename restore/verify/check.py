"""Results of checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: short name of the check.
        passed: whether the check passed; None if it only reports a measurement.
        measured: the findings, with figures.
    """

    name: str
    passed: bool | None
    measured: str


def failures(checks: list[Check]) -> list[Check]:
    """The failed checks."""
    return [check for check in checks if check.passed is False]


def described(checks: list[Check]) -> str:
    """Describe checks in one sentence, for an error message."""
    return "; ".join(f"{check.name}: {check.measured}" for check in checks)
