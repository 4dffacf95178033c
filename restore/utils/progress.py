"""A bar over something that takes long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_T = TypeVar("_T")


def with_bar(things: Iterable[_T], says: str, screen: Console, total: int | None = None) -> Iterable[_T]:
    """The same things, with a bar on a terminal while they are gone through; nothing elsewhere.

    Args:
        things: one after another.
        says: what is done with them.
        screen: for people.
        total: how many there are, where they do not know themselves.
    """
    from rich.progress import track

    return track(things, says, total, console=screen, transient=True, disable=not screen.is_terminal)
