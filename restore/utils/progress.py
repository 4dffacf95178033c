"""A progress bar for iterables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_T = TypeVar("_T")


def progress_bar(items: Iterable[_T], label: str, screen: Console, total: int | None = None) -> Iterable[_T]:
    """Iterate with a progress bar on a terminal; without one elsewhere.

    Args:
        items: what to iterate over.
        label: label of the bar.
        screen: console of the bar.
        total: number of items, if ``items`` has no length.
    """
    from rich.progress import track

    return track(items, label, total, console=screen, transient=True, disable=not screen.is_terminal)
