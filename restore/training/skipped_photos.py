"""Report photographs that a run cannot use: damaged ones, and ones that are too small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from restore.data.dataset import PairDataset
from restore.utils.text import printable

# Photographs named in full; the rest are counted.
_NAMED = 20
_NAMED_SMALL = 3


class SkippedPhotos:
    """Names each damaged photograph once, and counts them.

    Args:
        report: called with each line for the console.
    """

    def __init__(self, report: Callable[[str], object]) -> None:
        self._report = report
        self._known: set[str] = set()

    def note(self, reasons: Iterable[str]) -> None:
        """Report photographs that cannot be read, unless they have been reported before.

        Args:
            reasons: messages that name the file.
        """
        for reason in reasons:
            if reason in self._known:
                continue
            self._known.add(reason)
            if len(self._known) <= _NAMED:
                self._report(f"skipped: {printable(reason)}")

    def note_stores(self, dataset: PairDataset) -> None:
        """Report the photographs of a data set that are known to be damaged."""
        for store in dataset.stores():
            self.note(store.damaged.values())

    def summary(self) -> str | None:
        """A line with the number of photographs that were skipped; None if there were none."""
        count = len(self._known)
        if count == 0:
            return None
        more = f", {count - _NAMED} of them not named above" if count > _NAMED else ""
        return f"{count} damaged photograph{'s' * (count > 1)} skipped{more}; 'restore dataset check' lists them"


def small_photos(dataset: PairDataset) -> Iterator[str]:
    """Lines about photographs that are too small for a patch or a view and are never drawn."""
    for store in dataset.stores():
        if not store.small:
            continue
        names = ", ".join(printable(store.paths[number]) for number in store.small[:_NAMED_SMALL])
        count = len(store.small)
        more = f" and {count - _NAMED_SMALL} more" if count > _NAMED_SMALL else ""
        yield (
            f"{count} of {len(store)} photographs {'is' if count == 1 else 'are'} too small for data.patch and never "
            f"used: {names}{more}"
        )
