"""Hostile items, round after round, for as long as there is time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def rounds(
    make: Callable[[], Iterable[T]], more: Callable[[], bool], wanted: Callable[[T], bool] = lambda _: True
) -> Iterator[T]:
    """Items of one round after the other while there is time; the first in any case.

    Args:
        make: the items of a new round, at least one of them wanted.
        more: whether there is time for another item.
        wanted: which items count.
    """
    tried = False
    while more() or not tried:
        for one in make():
            if not wanted(one):
                continue
            if tried and not more():
                return
            tried = True
            yield one
