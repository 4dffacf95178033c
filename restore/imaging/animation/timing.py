"""Durations of frames in the units of a format."""

from __future__ import annotations

from fractions import Fraction


class Clock:
    """Converts durations to whole units. Rounding does not add up: the sum stays within a unit of the true one.

    Attributes:
        inexact: whether any duration had to be changed.
    """

    def __init__(self, unit: Fraction, least: int = 1, most: int = 2**16 - 1) -> None:
        """Start a clock.

        Args:
            unit: in seconds.
            least: fewest units of a duration that is not a whole number of them; zero stays zero.
            most: largest number that the format holds.
        """
        self._unit, self._least, self._most = unit, least, most
        self._owed = Fraction(0)
        self.inexact = False

    def units(self, duration: Fraction) -> int:
        """The next frame's duration."""
        exact = duration / self._unit
        if exact.denominator == 1 and not self._owed:
            rounded = int(exact)
        else:
            rounded = max(self._least if exact else 0, round(exact + self._owed))
        held = min(rounded, self._most)
        self._owed += exact - held
        # A frame that was lengthened must not shorten all that follow.
        self._owed = max(min(self._owed, Fraction(1)), Fraction(-1))
        self.inexact |= held != exact
        return held


def as_ratio(duration: Fraction) -> tuple[int, int]:
    """Numerator and denominator in 16 bits, in seconds, as close as possible."""
    most = 2**16 - 1
    if duration >= most:
        return most, 1
    denominator = most
    while True:
        near = duration.limit_denominator(denominator)
        if near.numerator <= most:
            return near.numerator, near.denominator
        denominator = max(1, min(denominator - 1, int(most / duration)))
