"""Run a planned job: pictures are read ahead and written behind while the network works.

Three stages: a pool that decodes, the network in the calling thread, a pool that encodes and writes. All bookkeeping is
done in the calling thread, so that nothing needs a lock. Memory is bounded whatever the folder: by the number of
pictures, and by the bytes that decoded pictures and waiting results take.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice

from restore.errors import RestoreError
from restore.imaging.picture import Picture, Samples
from restore.jobs import codec as pictures
from restore.jobs.journal import Journal
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome, Seconds, Summary
from restore.jobs.plan import Item, Plan
from restore.jobs.stop import Stop
from restore.jobs.worker import Look, Worker, failure

DEFAULT_MEMORY = 1 << 30


@dataclass(frozen=True)
class Settings:
    """How a job is run.

    Attributes:
        options: how pictures are read and written.
        scale: of the model: what a result will take in memory is known from it.
        overwrite: replace outputs that exist; otherwise one that has appeared since the plan fails its picture.
        resume: leave out pictures that the journal proves done, and replace results that it proves to be ours.
        workers: threads of the decoding and of the encoding pool, each.
        judge: says of a picture, RGB (H, W, 3), what kind it is and how sure that is; None where it cannot tell.
        memory: bytes that decoded pictures and results waiting to be written may take; a picture that needs more is
            alone.
    """

    options: PictureOptions = field(default_factory=PictureOptions)
    scale: int = 1
    overwrite: bool = False
    resume: bool = False
    workers: int = 2
    judge: Callable[[Samples], tuple[str, float] | None] = lambda _: None
    memory: int = DEFAULT_MEMORY


def run_job(
    plan: Plan,
    stream: Stream,
    tell: Callable[[Outcome], None],
    settings: Settings | None = None,
    journal: Journal | None = None,
    stop: Stop | None = None,
    summary: Summary | None = None,
) -> Summary:
    """Enhance every picture of a plan; one picture's failure is told and does not stop the rest.

    What is written does not depend on the number of workers or on the order in which they end.

    Args:
        plan: from :func:`restore.jobs.plan.make_plan`.
        stream: the network; driven from this thread alone.
        tell: called from this thread after every picture, in the plan's order.
        settings: how to run it.
        journal: of the output folder; needed to resume.
        stop: asked before each picture whether to end.
        summary: to add to, also when the job ends early.

    Raises:
        DiskError: the disk is full or cannot be written to; every later picture would fail too.
        KeyboardInterrupt: Ctrl-C. What is written is whole and told, what is not is absent.
    """
    settings = settings or Settings()
    summary = summary or Summary(workers=settings.workers)
    return _Job(plan, stream, tell, settings, journal, stop or Stop(), summary).run()


@dataclass
class _Slot:
    """One picture on its way.

    Attributes:
        digest: of the source's bytes; empty without a journal.
        decoded: bytes that it takes decoded, by its file's header.
        held: bytes of the memory that it is counted with.
        results: what the network gave of its arrays so far.
        outcome: set when all is over.
    """

    item: Item
    looking: Future[Look]
    digest: str = ""
    decoded: int = 0
    held: int = 0
    reading: Future[tuple[Picture, float]] | None = None
    picture: Picture | None = None
    belief: tuple[str, float] | None = None
    wanted: int = 0
    results: list[Samples | Exception] = field(default_factory=list)
    writing: Future[Outcome] | None = None
    seconds: Seconds = field(default_factory=Seconds)
    outcome: Outcome | None = None


class _Job:
    def __init__(
        self,
        plan: Plan,
        stream: Stream,
        tell: Callable[[Outcome], None],
        settings: Settings,
        journal: Journal | None,
        stop: Stop,
        summary: Summary,
    ) -> None:
        self._items = iter(plan.items)
        self._stream = stream
        self._tell = tell
        self._settings = settings
        self._worker = Worker(settings.options, settings.scale, settings.overwrite, settings.resume, journal)
        self._stop = stop
        self._summary = summary
        self._held = 0
        self._untold: deque[_Slot] = deque()  # every picture begun and not told yet, in the plan's order
        self._looked: deque[_Slot] = deque()  # before decoding
        self._begun: deque[_Slot] = deque()  # being decoded, or decoded
        self._in_network: deque[_Slot] = deque()
        self._writing: list[_Slot] = []
        self._outside = 0.0  # seconds within the stream that were not the network's

    def run(self) -> Summary:
        began = time.perf_counter()
        workers = self._settings.workers
        with (
            self._stop.opened(False),
            ThreadPoolExecutor(workers) as self._readers,
            ThreadPoolExecutor(workers) as self._writers,
        ):
            try:
                self._look_ahead()
                while self._looked or self._begun:
                    self._pass_through_network()
                while self._writing:
                    self._await_a_write()
                self._settle()
            except BaseException:
                # What waits to be written is given up; a write under way ends whole, and is told.
                self._readers.shutdown(wait=False, cancel_futures=True)
                self._writers.shutdown(wait=True, cancel_futures=True)
                self._tell_what_was_written()
                raise
            finally:
                self._summary.wall += time.perf_counter() - began
        return self._summary

    def _pass_through_network(self) -> None:
        """Drive one stream until the pictures, or the memory for more of them, are at an end."""
        results = self._stream(self._arrays())
        while True:
            self._stop.check()
            self._outside, began = 0.0, time.perf_counter()
            with self._stop.opened():
                result = next(results, None)
            if result is None:
                break
            slot = self._in_network[0]
            slot.seconds.network += time.perf_counter() - began - self._outside
            slot.results.append(result)
            del result
            if len(slot.results) == slot.wanted:
                self._in_network.popleft()
                self._hand_on(slot)
        if self._in_network:
            raise RuntimeError(f"the network gave no result for {self._in_network[0].item.source}")

    def _arrays(self) -> Iterator[Samples]:
        """What the network shall enhance, picture by picture."""
        while True:
            began = time.perf_counter()
            with self._stop.opened(False):
                arrays = self._next_arrays()
            self._outside += time.perf_counter() - began
            if arrays is None:
                return
            while arrays:
                yield arrays.pop(0)

    def _next_arrays(self) -> list[Samples] | None:
        while True:
            self._stop.check()
            self._collect_writes()
            self._settle()
            self._begin_decoding()
            if not self._begun:
                if not self._looked or self._in_network:
                    # The end, or no memory for the next one until the network gives up what it holds.
                    return None
                self._await_a_write()
                continue
            slot = self._begun.popleft()
            reading, slot.reading = slot.reading, None  # it would keep the pixels until the picture is told
            assert reading is not None
            try:
                with self._stop.opened():
                    wait([reading])
                slot.picture, seconds = reading.result()
            except (RestoreError, MemoryError, OSError) as error:
                self._end(slot, failure(slot.item, error))
                continue
            slot.seconds.decode += seconds
            arrays = pictures.to_arrays(slot.picture, self._settings.scale)
            slot.wanted = len(arrays)
            try:
                slot.belief = self._settings.judge(arrays[0])
            except (RestoreError, MemoryError) as error:
                self._end(slot, failure(slot.item, error))
                continue
            self._hold(slot, max(slot.decoded, pictures.held_bytes(slot.picture)))
            self._in_network.append(slot)
            return arrays

    def _look_ahead(self) -> None:
        """Keep a few looks at sources under way: each reads a file's header, and all of it if there is a journal."""
        for item in islice(self._items, 2 * self._settings.workers - len(self._looked)):
            slot = _Slot(item, self._readers.submit(self._worker.look, item))
            self._looked.append(slot)
            self._untold.append(slot)

    def _begin_decoding(self) -> None:
        """Begin decoding the next pictures, in order, as far as count and memory allow."""
        while self._looked and len(self._begun) < self._settings.workers:
            slot = self._looked[0]
            if self._begun and not slot.looking.done():
                return
            try:
                look = slot.looking.result()
            except (RestoreError, OSError, MemoryError) as error:
                look = Look(outcome=failure(slot.item, error))
            needed = self._needed(look.decoded)
            if look.outcome is None and self._held and self._held + needed > self._settings.memory:
                return
            self._looked.popleft()
            self._look_ahead()
            slot.digest, slot.decoded = look.digest, look.decoded
            slot.seconds.decode += look.seconds
            if look.outcome is not None:
                self._end(slot, look.outcome)
                self._settle()
                continue
            self._hold(slot, look.decoded)
            slot.reading = self._readers.submit(self._worker.decode, slot.item, look.version)
            self._begun.append(slot)

    def _needed(self, decoded: int) -> int:
        return decoded * (1 + self._settings.scale**2)

    def _hold(self, slot: _Slot, decoded: int) -> None:
        needed = self._needed(decoded)
        self._held += needed - slot.held
        slot.held = needed

    def _hand_on(self, slot: _Slot) -> None:
        """From the network to the writers."""
        failures = [result for result in slot.results if isinstance(result, Exception)]
        if failures:
            self._end(slot, failure(slot.item, failures[0], ": try a smaller --tile"))
            return
        assert slot.picture is not None
        results = [result for result in slot.results if not isinstance(result, Exception)]
        slot.writing = self._writers.submit(self._worker.write, slot.item, slot.picture, results, slot.digest)
        self._writing.append(slot)
        while len(self._writing) > 2 * self._settings.workers:
            self._await_a_write()

    def _await_a_write(self) -> None:
        with self._stop.opened():
            wait([slot.writing for slot in self._writing if slot.writing is not None], return_when=FIRST_COMPLETED)
        self._collect_writes()

    def _collect_writes(self) -> None:
        for slot in list(self._writing):
            assert slot.writing is not None
            if slot.writing.done():
                self._writing.remove(slot)
                self._end(slot, slot.writing.result())

    def _end(self, slot: _Slot, outcome: Outcome) -> None:
        slot.seconds.add(outcome.seconds)
        slot.outcome = replace(outcome, seconds=slot.seconds, belief=slot.belief)
        self._held -= slot.held
        slot.held = 0
        slot.picture, slot.results = None, []

    def _settle(self) -> None:
        """Tell what is over, in the plan's order."""
        while self._untold and self._untold[0].outcome is not None:
            self._told(self._untold.popleft().outcome)

    def _tell_what_was_written(self) -> None:
        """After an early end: all that is over, though one before it is not."""
        for slot in self._untold:
            writing = slot.writing
            if slot.outcome is None and writing and not writing.cancelled() and writing.exception() is None:
                self._end(slot, writing.result())
            self._told(slot.outcome)

    def _told(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._summary.count(outcome)
            self._tell(outcome)


# Order is kept, and every picture has one result: its pixels, or the exception that is its failure. It may pull a few
# pictures before it gives the first result.
Stream = Callable[[Iterable[Samples]], Iterator["Samples | Exception"]]
