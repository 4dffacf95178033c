"""A progress bar for iterables, and a sign of life for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
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


def waiting(label: str, screen: Console) -> AbstractContextManager[object]:
    """Show on a terminal, for the time of a ``with`` statement, that something takes a while; nothing elsewhere.

    Args:
        label: what it is.
        screen: console to show it on. Other lines may be printed there meanwhile.
    """
    return screen.status(label) if screen.is_terminal else nullcontext()
