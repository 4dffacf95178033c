"""Spread the pictures of a job over the workers of a pool: who gets which names, and what happens when one is lost.

The pool starts workers and carries batches to them; here is only what a restoration job must decide: how many names a
batch has, that no worker has more than two, and that what was open on a lost worker is done by another, once.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from restore.errors import HopelessError
from restore.jobs.batch import Batch, Done, Refused, Row, Told
from restore.jobs.plan import Item
from restore.jobs.stop import ORDERLY_SECONDS, Stop

# Names in a batch: few enough that little is lost with a worker, and enough that sending them costs nothing.
LEAST, MOST = 16, 64
# About how long a batch should take, in seconds.
_BATCH_SECONDS = 4.0
# Batches of a worker: one that it works on, and the next.
_OPEN = 2
# Names that are held ready for each worker, and for all of them.
_READY_EACH, _READY_MOST = 2 * MOST, 16_384
# How often a picture is tried whose worker dies.
_TRIES = 3
_WAIT_SECONDS = 0.2
# How often workers may die, for each there is, without any picture being finished in between.
_DEATHS = 4


@dataclass(frozen=True)
class Lost:
    """A worker's process has died; another takes its place, and tells when it is ready.

    Attributes:
        why: a clause.
    """

    why: str


Event = tuple[int, Told | Refused | Done | Lost]


class Pool(Protocol):
    """Where workers run, each known by a number."""

    def grow(self, waiting: int) -> list[int]:
        """Begin more workers if there may be room for them; returns their numbers.

        Args:
            waiting: number of names that no worker has.
        """
        ...

    def send(self, worker: int, batch: Batch) -> None:
        """Give a batch to a worker that is ready."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """What has happened since the last call; waits until something does, or for so many seconds."""
        ...

    def stop(self) -> None:
        """Let all workers end their batches early."""
        ...


@dataclass
class _Piece:
    """Pictures that are sent together.

    Attributes:
        tries: how many workers have died over it.
        lost: the tokens of workers that may have written some of its results.
    """

    items: Sequence[Item]
    tries: int = 0
    lost: tuple[str, ...] = ()


@dataclass
class _Worker:
    """Attributes: what it told when it became ready, None before; and its batches, the oldest first."""

    told: Told | None = None
    open: deque[tuple[int, _Piece]] = field(default_factory=deque)


class Spread:
    """The driver of a job.

    Args:
        pool: of workers.
        items: the pictures, read as they are needed.
        make: makes a batch of its number, its pictures, and the tokens of lost workers that may have had them.
        on_row: receives each picture with what became of it, once.
        on_lost: told about each worker that died, with the pictures that it had.
        warn: receives sentences for the user.
        stop: checked all the time.
        workers: those that there are, by their numbers, with what they told; None for those not yet ready.
    """

    def __init__(
        self,
        pool: Pool,
        items: Iterable[Item],
        make: Callable[[int, Sequence[Item], tuple[str, ...]], Batch],
        on_row: Callable[[Item, Row], None],
        on_lost: Callable[[Told, Sequence[Item]], None],
        warn: Callable[[str], None],
        stop: Stop,
        workers: dict[int, Told | None],
    ) -> None:
        self._pool, self._items, self._make = pool, iter(items), make
        self._on_row, self._on_lost, self._warn, self._stop = on_row, on_lost, warn, stop
        self._workers = {number: _Worker(told) for number, told in workers.items()}
        self._ready: deque[Item] = deque()
        self._all_read = False
        self._again: deque[_Piece] = deque()
        self._numbers = itertools.count()
        self._each = 0.0  # seconds a picture takes, lately
        self._deaths = 0

    def run(self) -> None:
        """Run all pictures.

        Raises:
            HopelessError: every later picture would fail too, or no worker lives long enough.
            KeyboardInterrupt: Ctrl-C; what workers had finished is reported.
        """
        with self._stop.opened(False):
            try:
                while self._fill():
                    self._stop.check()
                    self._grow()
                    for number, event in self._pool.wait(_WAIT_SECONDS):
                        self._handle(number, event)
            except (KeyboardInterrupt, HopelessError):
                self._end_early()
                raise

    def _fill(self) -> bool:
        """Give every worker what it has room for; False if nothing is left to do or to wait for."""
        self._read()
        for room in range(_OPEN):
            for number, worker in self._workers.items():
                if worker.told is not None and len(worker.open) == room and (piece := self._next()):
                    batch = next(self._numbers)
                    worker.open.append((batch, piece))
                    self._pool.send(number, self._make(batch, piece.items, piece.lost))
        return bool(self._ready or self._again or not self._all_read or any(w.open for w in self._workers.values()))

    def _read(self) -> None:
        wanted = min(_READY_MOST, _READY_EACH * max(1, len(self._workers)))
        if not self._all_read and len(self._ready) < wanted // 2:
            self._ready += itertools.islice(self._items, wanted - len(self._ready))
            self._all_read = len(self._ready) < wanted

    def _next(self) -> _Piece | None:
        if self._again:
            return self._again.popleft()
        if not self._ready:
            return None
        size = min(MOST, max(LEAST, round(_BATCH_SECONDS / self._each))) if self._each else LEAST
        if self._all_read:  # smaller and smaller, so that all workers end at about the same time
            size = min(size, max(1, len(self._ready) // (_OPEN * len(self._workers))))
        return _Piece([self._ready.popleft() for _ in range(min(size, len(self._ready)))])

    def _grow(self) -> None:
        waiting = len(self._ready) + sum(len(piece.items) for piece in self._again)
        if waiting:
            for number in self._pool.grow(waiting):
                self._workers[number] = _Worker()

    def _handle(self, number: int, event: Told | Refused | Done | Lost) -> None:
        worker = self._workers[number]
        if isinstance(event, Told):
            worker.told = event
        elif isinstance(event, Done):
            self._end(worker, event)
        elif isinstance(event, Refused):
            del self._workers[number]
            self._warn(f"A worker cannot take part: {event.text}")
            if not self._workers:
                raise HopelessError(f"no worker can take part; the last one: {event.text}")
        else:
            self._lose(worker, event)

    def _end(self, worker: _Worker, done: Done) -> None:
        piece = next((piece for batch, piece in worker.open if batch == done.number), None)
        if piece is None:
            return  # it was given to another, because this worker seemed lost
        worker.open = deque(one for one in worker.open if one[0] != done.number)
        for warning in done.warnings:
            self._warn(warning)
        for item, row in zip(piece.items, done.rows, strict=True):
            if row is not None:
                self._on_row(item, row)
        self._deaths = 0
        if done.hopeless:
            raise HopelessError(done.hopeless)
        each = done.seconds / len(piece.items)
        self._each = each if not self._each else 0.8 * self._each + 0.2 * each

    def _lose(self, worker: _Worker, event: Lost) -> None:
        """Give what a lost worker had to others; what it had been working on, one by one."""
        self._deaths += 1
        told, worker.told = worker.told, None
        pieces, worker.open = [piece for _, piece in worker.open], deque()
        if told is not None:
            self._on_lost(told, [item for piece in pieces for item in piece.items])
        tokens = (told.token,) if told else ()
        for place, piece in enumerate(pieces):
            lost = (*piece.lost, *tokens)
            if place:  # it had not come to that
                self._again.append(_Piece(piece.items, piece.tries, lost))
            elif piece.tries + 1 >= _TRIES:
                self._give_up(piece, event)
            else:
                self._again += [_Piece([item], piece.tries + 1, lost) for item in piece.items]
        if self._deaths > _DEATHS * (1 + len(self._workers)):
            raise HopelessError(
                f"{self._deaths} workers have died one after the other without finishing a picture ({event.why}): free "
                "memory, or run the job with --engine local, which tells what crashes; then continue with --resume"
            )

    def _give_up(self, piece: _Piece, event: Lost) -> None:
        self._deaths = 0
        for item in piece.items:
            error = (
                f"{_TRIES} workers have died while they had this picture ({event.why}): its memory may not suffice, or "
                "it crashes a decoder or the network; try a smaller --tile, or --engine local, which finds that out"
            )
            self._on_row(item, Row("failed", error))

    def _end_early(self) -> None:
        """Report what workers finish in the little time that is left."""
        deadline = time.monotonic() + ORDERLY_SECONDS
        self._pool.stop()
        while any(worker.open for worker in self._workers.values()) and (left := deadline - time.monotonic()) > 0:
            for number, event in self._pool.wait(left):
                if isinstance(event, Done):
                    try:
                        self._end(self._workers[number], event)
                    except HopelessError:
                        continue  # one is told already
                elif isinstance(event, Lost):
                    self._workers[number].open.clear()
