"""Enhance an animation: its frames pass through the network one by one, so that memory holds only a few of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from restore.errors import RestoreError
from restore.imaging.animation.frames import Frame
from restore.imaging.animation.write import FrameWriter, Packing, Whole, open_writer
from restore.imaging.damage import check_whole
from restore.imaging.formats import kind_of
from restore.imaging.picture import Picture, Samples
from restore.jobs import codec
from restore.jobs.chain import Before
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Seconds
from restore.jobs.sizing import Sizing
from restore.runtime.classification import UNTOLD, Told
from restore.utils.daemon_pool import DaemonPool

_STILL = "the picture for programs that show no animations"


@dataclass(frozen=True)
class Pools:
    """Threads that decode, threads that compress, and the number of each."""

    readers: DaemonPool
    writers: DaemonPool
    workers: int


@dataclass(frozen=True)
class Tools:
    """What a job enhances pictures with.

    Attributes:
        stream: the network; used only in the calling thread.
        pools: other threads.
        options: how pictures are read and written.
        sizing: of the results.
        judge: see :class:`restore.jobs.pipeline.Settings`.
        check: called before each frame; raises KeyboardInterrupt to stop.
        before: all models of a chain but the last.
        mask: of all frames, from a file; see :func:`restore.jobs.codec.masked`.
    """

    stream: Callable[[Iterable[Samples]], Iterator[Samples | Exception]]
    pools: Pools
    options: PictureOptions
    sizing: Sizing
    judge: Callable[[Samples], Told]
    check: Callable[[], None]
    before: Before | None = None
    mask: Samples | None = None


@dataclass(frozen=True)
class Enhanced:
    """An animation that is ready to be written.

    Attributes:
        data: the file.
        size: height and width.
        notes: for the user.
        lost: what the format cannot hold of the frames.
        seconds: working time by stage.
        told: by the network about the first frame.
        copied: whether the file is the source's own.
    """

    data: bytes | memoryview
    size: tuple[int, int]
    notes: tuple[str, ...]
    lost: tuple[str, ...]
    seconds: Seconds
    told: Told = UNTOLD
    copied: bool = False


@dataclass
class _Waiting:
    """A frame whose results are awaited; without a picture if it repeats the one before.

    ``between`` is the frame before the last model of a chain.
    """

    picture: Picture | None
    duration: Fraction | None
    wanted: int
    between: Picture | None = None
    results: list[Samples] = field(default_factory=list)


def kept(picture: Picture, data: bytes, strict: bool = False) -> Enhanced:
    """An animation that is large enough already, whose file is copied.

    Raises:
        ImageError: it is damaged, and ``strict`` is set.
    """
    assert picture.animation is not None
    stored = picture.animation.stored
    count = len(stored.pieces)
    notes = (_counted(count), *filter(None, [stored.damage(count)]))
    if strict:
        check_whole(notes)
    return Enhanced(data, picture.size, notes, (), Seconds(), copied=True)


def enhance(picture: Picture, suffix: str, tools: Tools) -> Enhanced:
    """Enhance all frames and encode them.

    Args:
        picture: with an animation.
        suffix: of the result, one of :data:`restore.imaging.formats.ANIMATED`.
        tools: what to do it with.

    Raises:
        ImageError: the first frame is damaged, or any with ``options.strict``; or the format cannot hold the result.
        ModelError: the network failed.
        MemoryError: there is not enough memory.
    """
    return _Enhancing(picture, suffix, tools).run()


class _Enhancing:
    def __init__(self, picture: Picture, suffix: str, tools: Tools) -> None:
        assert picture.animation is not None
        self._picture, self._animation, self._suffix, self._tools = picture, picture.animation, suffix, tools
        self._size = tools.sizing.result(*picture.size)
        self._uses_network = tools.sizing.uses_network(*picture.size)
        self._seconds = Seconds()
        self._told: Told | None = None
        self._failed: Exception | None = None
        self._waiting: deque[_Waiting] = deque()
        self._assembling: deque[tuple[Future[Picture] | None, Fraction | None]] = deque()
        self._packing: deque[Future[tuple[Any, float]]] = deque()
        self._last: Picture | None = None
        self._outside = 0.0  # seconds in the stream that the network did not use

    def run(self) -> Enhanced:
        self._writer = self._opened()
        began = time.perf_counter()
        for result in self._tools.stream(self._arrays()):
            if isinstance(result, Exception):
                # The stream is shared: it must come to its end.
                self._failed = self._failed or result
            elif self._failed is None:
                self._waiting[0].results.append(result)
                self._hand_on()
        self._seconds.network += time.perf_counter() - began - self._outside
        if self._failed is not None:
            raise self._failed
        self._hand_on()
        self._assembled(0)
        self._pack(self._writer.finish())
        self._packed(0)
        return self._finished()

    def _opened(self) -> FrameWriter:
        animation = self._animation
        channels = 1 if animation.stored.gray else 3
        # Only the shape of its pixels counts.
        blank = np.broadcast_to(np.zeros((1, 1, channels), np.uint8), (*self._size, channels))
        self._blank = replace(codec.described(self._picture, self._tools.options), pixels=blank, alpha=None)
        whole = Whole(self._blank, animation.stored.plays, self._transparent(), animation.stored.background)
        return open_writer(whole, self._suffix, codec.encode_options(self._tools.options))

    def _transparent(self) -> bool:
        stored = self._animation.stored
        return stored.may_be_transparent or (stored.still_apart and self._picture.alpha is not None)

    def _frames(self) -> Iterator[Frame]:
        if kind_of(self._suffix) == "PNG":
            yield from self._animation.still(self._picture)
        yield from self._animation.frames()

    def _arrays(self) -> Iterator[Samples]:
        """The network's inputs, frame by frame; the next frame is decoded meanwhile."""
        began = time.perf_counter()
        frames = self._frames()
        reading = self._tools.pools.readers.submit(self._read, frames)
        while True:
            try:
                self._tools.check()
                read = reading.result()
                if read is None or self._failed is not None:
                    break
                reading = self._tools.pools.readers.submit(self._read, frames)
                waiting, arrays = read
                if self._told is None and arrays:
                    self._told = self._tools.judge(arrays[0])
                if arrays and self._tools.before is not None and waiting.picture is not None:
                    self._outside += time.perf_counter() - began
                    waiting.between = self._tools.before.run(waiting.picture)
                    arrays = codec.to_arrays(waiting.between, self._tools.sizing.last)
                    waiting.wanted = len(arrays)
                    began = time.perf_counter()
                self._waiting.append(waiting)
                self._hand_on()
            except (RestoreError, MemoryError) as error:
                self._failed = self._failed or error
                break
            self._outside += time.perf_counter() - began
            while arrays:
                yield arrays.pop(0)
            began = time.perf_counter()
        self._outside += time.perf_counter() - began

    def _read(self, frames: Iterator[Frame]) -> tuple[_Waiting, list[Samples]] | None:
        began = time.perf_counter()
        frame = next(frames, None)
        if frame is None:
            return None
        if frame.repeats:
            return _Waiting(None, frame.duration, 0), []
        still = replace(self._picture, pixels=frame.pixels, alpha=frame.alpha, animation=None)
        picture = codec.prepared(still, self._tools.options)
        arrays = codec.to_arrays(picture, self._tools.sizing.scale) if self._uses_network else []
        self._seconds.decode += time.perf_counter() - began
        return _Waiting(picture, frame.duration, len(arrays)), arrays

    def _hand_on(self) -> None:
        """Pass on the frames whose results are complete, in order."""
        while self._waiting and len(self._waiting[0].results) == self._waiting[0].wanted:
            frame = self._waiting.popleft()
            future = None
            if frame.picture is not None:
                future = self._tools.pools.writers.submit(self._assemble, frame.picture, frame.between, frame.results)
            self._assembling.append((future, frame.duration))
            self._assembled(self._tools.pools.workers)

    def _assemble(self, picture: Picture, between: Picture | None, results: list[Samples]) -> Picture:
        sizing = self._tools.sizing
        made = codec.from_arrays(between or picture, results, sizing.last)
        made = codec.masked(made, picture, self._tools.options, self._tools.mask)
        return codec.sized(made, sizing, picture.size)

    def _assembled(self, most: int) -> None:
        """Pass frames to the writer until at most so many are left before it."""
        while len(self._assembling) > most:
            future, duration = self._assembling.popleft()
            self._last = future.result() if future is not None else self._last
            assert self._last is not None
            self._pack(self._writer.add(self._last, duration))

    def _pack(self, packings: Iterable[Packing]) -> None:
        self._packing += [self._tools.pools.writers.submit(_timed, packing) for packing in packings]
        self._packed(self._tools.pools.workers)

    def _packed(self, most: int) -> None:
        """Write compressed frames until at most so many are left before it."""
        while len(self._packing) > most:
            packed, seconds = self._packing.popleft().result()
            self._seconds.encode += seconds
            self._writer.write(packed)

    def _finished(self) -> Enhanced:
        animation = self._animation
        if self._tools.options.strict:
            check_whole(animation.notes)
        notes = (_counted(animation.read), *animation.notes)
        gone = self._writer.lost()
        if animation.stored.still_apart and kind_of(self._suffix) != "PNG":
            gone.append(_STILL)
        return Enhanced(self._writer.close(), self._size, notes, tuple(gone), self._seconds, self._told or UNTOLD)


def _timed(packing: Packing) -> tuple[Any, float]:
    began = time.perf_counter()
    packed = packing()
    return packed, time.perf_counter() - began


def _counted(frames: int) -> str:
    return f"{frames} frame{'s' * (frames != 1)}"
