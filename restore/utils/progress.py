"""A progress bar for iterables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_T = TypeVar("_T")


def with_bar(things: Iterable[_T], says: str, screen: Console, total: int | None = None) -> Iterable[_T]:
    """Iterate with a progress bar on a terminal; without one elsewhere.

    Args:
        things: what to iterate over.
        says: label of the bar.
        screen: console of the bar.
        total: number of items, if ``things`` has no length.
    """
    from rich.progress import track

    return track(things, says, total, console=screen, transient=True, disable=not screen.is_terminal)
