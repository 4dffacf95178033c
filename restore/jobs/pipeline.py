"""Run a planned job; decoding and encoding overlap with the network.

Three stages: a pool that decodes, the network in the calling thread, a pool that encodes and writes. All bookkeeping
happens in the calling thread, so no locks are needed. Memory is bounded for any folder: by the number of pictures in
flight, and by the bytes of decoded pictures and waiting results.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from itertools import islice

from restore.errors import HopelessError, RestoreError
from restore.imaging.picture import Picture, Samples
from restore.jobs import animation
from restore.jobs import codec as pictures
from restore.jobs.chain import Stream
from restore.jobs.journal import Journal
from restore.jobs.outcome import Outcome, Summary
from restore.jobs.plan import Planned
from restore.jobs.settings import Settings
from restore.jobs.sizing import Sizing
from restore.jobs.slot import Slot
from restore.jobs.source_info import SourceInfo
from restore.jobs.stop import ORDERLY_SECONDS, Stop
from restore.jobs.store_journal import StoreJournal
from restore.jobs.worker import Worker, failure
from restore.utils.daemon_pool import DaemonPool

_SMALLER = ": try a smaller --tile"


def run_job(
    plan: Planned,
    stream: Stream,
    on_outcome: Callable[[Outcome], None],
    settings: Settings | None = None,
    journal: Journal | StoreJournal | None = None,
    stop: Stop | None = None,
    summary: Summary | None = None,
) -> Summary:
    """Enhance every picture of a plan; failed pictures are reported and do not stop the rest.

    Results do not depend on the number of workers or on the order in which they finish.

    Args:
        plan: from :func:`restore.jobs.plan.make_plan`.
        stream: the network; used only in the calling thread.
        on_outcome: called in the calling thread after every picture, in plan order.
        settings: how to run the job.
        journal: of the output folder; required to resume.
        stop: checked before each picture.
        summary: updated in place, also when the job ends early.

    Raises:
        HopelessError: the disk is full, a store accepts no credentials, ...: every later picture would fail too.
        KeyboardInterrupt: Ctrl-C. Written results are complete and reported; nothing partial remains.
    """
    settings = settings or Settings()
    summary = summary or Summary(workers=settings.workers)
    return _Job(plan, stream, on_outcome, settings, journal, stop or Stop(), summary).run()


class _Job:
    def __init__(
        self,
        plan: Planned,
        stream: Stream,
        on_outcome: Callable[[Outcome], None],
        settings: Settings,
        journal: Journal | StoreJournal | None,
        stop: Stop,
        summary: Summary,
    ) -> None:
        self._items = iter(plan.items)
        self._stream = stream
        self._on_outcome = on_outcome
        self._settings = settings
        self._sizing = Sizing(settings.scale, settings.size, settings.before.scale if settings.before else 1)
        more = settings.read_timeout, settings.trial, settings.stored
        self._worker = Worker(settings.options, self._sizing, settings.overwrite, settings.resume, journal, *more)
        self._stop = stop
        self._summary = summary
        self._held = 0
        self._unreported: deque[Slot] = deque()  # every picture started but not reported, in plan order
        self._inspected: deque[Slot] = deque()  # before decoding
        self._begun: deque[Slot] = deque()  # being decoded, or decoded
        self._in_network: deque[Slot] = deque()
        self._writing: list[Slot] = []
        self._animation: Slot | None = None  # waits until the network is free: it is processed alone
        self._outside = 0.0  # seconds inside the stream that the network did not use

    def run(self) -> Summary:
        began = time.perf_counter()
        workers = self._settings.workers
        with (
            self._stop.opened(False),
            DaemonPool(workers) as self._readers,
            DaemonPool(workers) as self._writers,
        ):
            try:
                self._inspect_ahead()
                while self._inspected or self._begun:
                    self._pass_through_network()
                    self._animate()
                while self._writing:
                    self._await_a_write()
                self._settle()
            except BaseException:
                # Drop pending writes; let running writes finish, and report them. No read is waited for.
                self._readers.close(cancel=True, seconds=0)
                self._writers.close(cancel=True, seconds=ORDERLY_SECONDS if self._stop.requested else None)
                self._worker.abandon()
                self._report_written()
                raise
            finally:
                self._summary.wall += time.perf_counter() - began
        return self._summary

    def _pass_through_network(self) -> None:
        """Run one stream until the pictures, or the memory for more of them, run out."""
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
                self._worker.leave_network(slot.running)
                self._hand_on(slot)
        if self._in_network:
            raise RuntimeError(f"the network returned no result for {self._in_network[0].item.source}")

    def _arrays(self) -> Iterator[Samples]:
        """The network's inputs, picture by picture."""
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
                if not self._inspected or self._in_network:
                    # Finished, or no memory for the next picture until the network releases what it holds.
                    return None
                self._await_a_write()
                continue
            slot = self._begun.popleft()
            reading, slot.reading = slot.reading, None  # it would keep the pixels alive until the picture is reported
            assert reading is not None
            try:
                with self._stop.opened():
                    wait([reading])
                slot.picture, seconds = reading.result()
            except HopelessError:
                raise
            except (RestoreError, MemoryError, OSError) as error:
                self._end(slot, failure(slot.item, error))
                continue
            slot.seconds.decode += seconds
            self._hold(slot, max(slot.decoded, pictures.held_bytes(slot.picture)))
            if slot.picture.animation is not None:
                self._animation = slot
                return None
            if not self._sizing.uses_network(*slot.picture.size):
                self._hand_on(slot)
                continue
            slot.running = self._worker.enter_network(slot.digest)
            try:
                arrays = self._begin_network(slot, slot.picture)
            except (RestoreError, MemoryError) as error:
                self._worker.leave_network(slot.running)
                self._end(slot, failure(slot.item, error, _SMALLER))
                continue
            slot.wanted = len(arrays)
            self._in_network.append(slot)
            return arrays

    def _begin_network(self, slot: Slot, picture: Picture) -> list[Samples]:
        """Judge a picture, take it through all models but the last, and return that one's inputs."""
        arrays = pictures.to_arrays(picture, self._settings.scale)
        slot.told = self._settings.judge(arrays[0])
        if self._settings.before is None:
            return arrays
        began = time.perf_counter()
        with self._stop.opened():
            slot.between = self._settings.before.run(picture)
        slot.seconds.network += time.perf_counter() - began
        return pictures.to_arrays(slot.between, self._sizing.last)

    def _animate(self) -> None:
        slot, self._animation = self._animation, None
        if slot is None:
            return
        assert slot.picture is not None
        settings, stop = self._settings, self._stop
        pools = animation.Pools(self._readers, self._writers, settings.workers)
        tools = animation.Tools(
            self._stream, pools, settings.options, self._sizing, settings.judge, stop.check, settings.before
        )
        try:
            with stop.opened():
                slot.animated = self._worker.animate(slot.item, slot.picture, slot.digest, tools)
        except (RestoreError, MemoryError, OSError) as error:
            self._end(slot, failure(slot.item, error, _SMALLER))
            return
        slot.seconds.add(slot.animated.seconds)
        slot.told = slot.animated.told
        self._hand_on(slot)

    def _inspect_ahead(self) -> None:
        """Keep a few inspections running: each reads a file's header, or the whole file if there is a journal."""
        for item in islice(self._items, 2 * self._settings.workers - len(self._inspected)):
            slot = Slot(item, self._readers.submit(self._worker.inspect, item))
            self._inspected.append(slot)
            self._unreported.append(slot)

    def _begin_decoding(self) -> None:
        """Start decoding the next pictures, in order, within the limits on count and memory."""
        while self._inspected and len(self._begun) < self._settings.workers:
            slot = self._inspected[0]
            if self._begun and not slot.inspecting.done():
                return
            with self._stop.opened():
                wait([slot.inspecting])
            try:
                info = slot.inspecting.result()
            except HopelessError:
                raise
            except (RestoreError, OSError, MemoryError) as error:
                info = SourceInfo(outcome=failure(slot.item, error))
            needed = round(info.decoded * info.growth)
            if info.outcome is None and self._held and self._held + needed > self._settings.memory:
                return
            self._inspected.popleft()
            self._inspect_ahead()
            slot.digest, slot.decoded, slot.growth = info.digest, info.decoded, info.growth
            slot.seconds.decode += info.seconds
            if info.outcome is not None:
                self._end(slot, info.outcome)
                self._settle()
                continue
            self._hold(slot, info.decoded)
            slot.reading = self._readers.submit(self._worker.decode, slot.item, info.version, info.digest)
            self._begun.append(slot)

    def _hold(self, slot: Slot, decoded: int) -> None:
        needed = round(decoded * slot.growth)
        self._held += needed - slot.held
        slot.held = needed

    def _hand_on(self, slot: Slot) -> None:
        """Pass a picture from the network to the writers."""
        failures = [result for result in slot.results if isinstance(result, Exception)]
        if failures:
            self._end(slot, failure(slot.item, failures[0], _SMALLER))
            return
        assert slot.picture is not None
        results = [result for result in slot.results if not isinstance(result, Exception)]
        slot.writing = self._writers.submit(
            self._worker.write, slot.item, slot.picture, results, slot.digest, slot.animated, slot.between
        )
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

    def _end(self, slot: Slot, outcome: Outcome) -> None:
        slot.seconds.add(outcome.seconds)
        slot.outcome = replace(outcome, seconds=slot.seconds, belief=slot.told.belief, edit=slot.told.edit)
        self._held -= slot.held
        slot.held = 0
        self._worker.release(slot.item)
        slot.picture, slot.between, slot.animated, slot.results = None, None, None, []

    def _settle(self) -> None:
        """Report finished pictures, in plan order."""
        while self._unreported and self._unreported[0].outcome is not None:
            self._report(self._unreported.popleft().outcome)

    def _report_written(self) -> None:
        """After an early end, report all finished pictures, even after unfinished ones."""
        for slot in self._unreported:
            writing = slot.writing
            if slot.outcome is None and writing and _returned(writing):
                self._end(slot, writing.result())
            self._report(slot.outcome)

    def _report(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._summary.count(outcome)
            self._on_outcome(outcome)


def _returned(writing: Future[Outcome]) -> bool:
    return writing.done() and not writing.cancelled() and writing.exception() is None
