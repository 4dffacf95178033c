"""Pools of workers in this process: for tests of what drives them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from restore.jobs.backend_entry import BackendEntry
from restore.jobs.batch import Batch, Done, Refused, Told
from restore.jobs.batch_worker import BatchWorker, WorkerJob
from restore.jobs.ray_pool import Share
from restore.jobs.spread import Event, Lost
from restore.jobs.stop import Stop


@dataclass
class HerePool:
    """Workers that run their batches, one after the other, when they are waited for.

    Attributes:
        count: of workers.
        dies: asked before each batch of a worker, given the names of its sources: how many pictures the worker
            finishes before its process dies; None to live on.
        sent: all batches, with their workers.
        before: called before each batch is run.
    """

    count: int = 2
    dies: Callable[[list[str]], int | None] = lambda _names: None
    before: Callable[[], object] = lambda: None
    sent: list[tuple[int, Batch]] = field(default_factory=list)
    hosts: dict[int, str] = field(default_factory=dict)
    machines: list[Mapping[str, float]] = field(default_factory=lambda: [{"CPU": 4.0}])
    closed: bool = False

    def __call__(self, address: str | None, most: int | None) -> HerePool:
        """In the place of :class:`restore.jobs.ray_pool.RayPool`."""
        self.asked = address, most
        return self

    def __enter__(self) -> HerePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def begin(
        self,
        job: WorkerJob,
        share: Share,
        count: float,
        earlier: Mapping[str, BackendEntry],
        stop: Stop,
        warn: Callable[[str], None],
    ) -> dict[int, Told | None]:
        self.job, self.earlier, self.share = job, earlier, share
        self._events: deque[Event] = deque()
        self._waiting: dict[int, deque[Batch]] = {number: deque() for number in range(self.count)}
        self._workers: dict[int, BatchWorker] = {}
        return {number: self._ready(number) for number in self._waiting}

    def _ready(self, number: int) -> Told:
        self._workers[number] = BatchWorker(self.job)
        told = self._workers[number].open(self.earlier)
        assert isinstance(told, Told), told
        self.hosts[number] = told.identity
        return replace(told, process=1 << 30)  # no other's files are taken for its own

    def grow(self, waiting: int) -> list[int]:
        return []

    def send(self, worker: int, batch: Batch) -> None:
        self.sent.append((worker, batch))
        self._waiting[worker].append(batch)

    def wait(self, seconds: float) -> list[Event]:
        for number, waiting in self._waiting.items():
            if waiting:
                self.before()
                self._run(number, waiting.popleft())
                break
        events = list(self._events)
        self._events.clear()
        return events

    def _run(self, number: int, batch: Batch) -> None:
        worker = self._workers[number]
        finished = self.dies([one.source_name for one in batch.pictures])
        if finished is None:
            self._events.append((number, worker.run(batch)))
            return
        worker.run(replace(batch, pictures=batch.pictures[:finished]))
        self._waiting[number].clear()
        self._events.append((number, Lost("it was killed by a test")))
        self._events.append((number, self._ready(number)))

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.stop()

    def close(self) -> None:
        for worker in self._workers.values():
            worker.close()


@dataclass
class FakePool:
    """Workers that do nothing but answer.

    Attributes:
        answer: what happens to a batch: an event, or None if it is still being worked on.
        grown: numbers of further workers, given out one call after the other.
        revived: what a lost worker says when it is ready again, which is at once; None if it does not come back.
        log: what was sent, by worker and number of names.
        most: of batches that any worker had at once.
    """

    answer: Callable[[int, Batch], Done | Lost | None]
    grown: list[list[int]] = field(default_factory=list)
    revived: Callable[[int], Told] | None = None
    events: deque[tuple[int, Told | Refused | Done | Lost]] = field(default_factory=deque)
    log: list[tuple[int, int]] = field(default_factory=list)
    open: dict[int, deque[Batch]] = field(default_factory=dict)
    most: int = 0
    stopped: bool = False

    def grow(self, waiting: int) -> list[int]:
        return self.grown.pop(0) if self.grown else []

    def send(self, worker: int, batch: Batch) -> None:
        self.log.append((worker, len(batch.pictures)))
        waiting = self.open.setdefault(worker, deque())
        waiting.append(batch)
        self.most = max(self.most, len(waiting))

    def wait(self, seconds: float) -> list[Event]:
        for worker, waiting in self.open.items():
            if waiting and (event := self.answer(worker, waiting[0])):
                waiting.popleft() if isinstance(event, Done) else waiting.clear()
                self.events.append((worker, event))
                if self.revived is not None and isinstance(event, Lost):
                    self.events.append((worker, self.revived(worker)))
        events = list(self.events)
        self.events.clear()
        return events

    def stop(self) -> None:
        self.stopped = True
