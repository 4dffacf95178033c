"""Run a planned job: pictures are read ahead and written behind while the network works."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from restore.atomic import write_bytes
from restore.errors import RestoreError
from restore.imaging.decode import read_picture
from restore.imaging.encode import EncodeOptions, encode, lost
from restore.imaging.picture import Picture, to8
from restore.imaging.resize import resize
from restore.jobs.plan import Item, Plan

Enhance = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

# After these every later picture would fail too.
_HOPELESS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

# Pictures that are decoded before the network asks for them, and results that wait to be written. Decoding and encoding
# leave Python's lock alone, so two of each keep up with a small network; memory is bounded by the sum.
_AHEAD = _BEHIND = 2


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: ``error`` is empty when it was written; ``note`` says what is not as before."""

    item: Item
    error: str = ""
    note: str = ""


@dataclass
class Summary:
    """What became of a job."""

    done: int = 0
    failed: list[Outcome] = field(default_factory=list)


def run_job(
    plan: Plan, enhance: Enhance, tell: Callable[[Outcome], None], quality: int = 95, overwrite: bool = False
) -> Summary:
    """Enhance every picture of a plan; one picture's failure is told and does not stop the rest.

    Args:
        plan: from :func:`restore.jobs.plan.make_plan`.
        enhance: uint8 RGB (H, W, 3) to uint8 RGB, larger or not. Called from this thread alone.
        tell: called from this thread after every picture, in the plan's order.
        quality: of JPEG and WebP.
        overwrite: replace outputs that exist; otherwise one that has appeared since the plan fails its picture.

    Raises:
        OSError: the disk is full; every later picture would fail too.
        KeyboardInterrupt: Ctrl-C. What is written is whole, what is not is absent.
    """
    summary = Summary()

    def settle(outcome: Outcome) -> None:
        if outcome.error:
            summary.failed.append(outcome)
        else:
            summary.done += 1
        tell(outcome)

    with ThreadPoolExecutor(_AHEAD) as readers, ThreadPoolExecutor(_BEHIND) as writers:
        waiting: deque[Future[Outcome]] = deque()
        try:
            for item, reading in _read_ahead(plan, readers):
                waiting.append(_enhance_one(item, reading, enhance, writers, quality, overwrite))
                while len(waiting) > _BEHIND or (waiting and waiting[0].done()):
                    settle(waiting.popleft().result())
            while waiting:
                settle(waiting.popleft().result())
        except BaseException:
            # What waits to be written is given up; a write under way ends whole before the pools close.
            readers.shutdown(wait=False, cancel_futures=True)
            writers.shutdown(wait=False, cancel_futures=True)
            raise
    return summary


def _read_ahead(plan: Plan, readers: ThreadPoolExecutor) -> Iterator[tuple[Item, Future[Picture]]]:
    """Every picture with the reading of it begun, a few pictures in advance."""
    begun: deque[tuple[Item, Future[Picture]]] = deque()
    for item in plan.items:
        begun.append((item, readers.submit(read_picture, item.source)))
        if len(begun) > _AHEAD:
            yield begun.popleft()
    yield from begun


def _enhance_one(
    item: Item,
    reading: Future[Picture],
    enhance: Enhance,
    writers: ThreadPoolExecutor,
    quality: int,
    overwrite: bool,
) -> Future[Outcome]:
    """Through the network, and on to a writer; a failure is an outcome already there."""
    try:
        picture = reading.result()
        result = enhance_picture(picture, enhance)
    except (RestoreError, MemoryError, OSError) as error:
        failed: Future[Outcome] = Future()
        failed.set_result(_failure(item, error))
        return failed
    deep = picture.pixels.dtype == np.uint16
    note = "; ".join([*picture.notes, *["more than 8 bits a channel: the result has 8"] * deep])
    return writers.submit(_write, item, result, note, quality, overwrite)


def _write(item: Item, result: Picture, note: str, quality: int, overwrite: bool) -> Outcome:
    try:
        data = encode(result, item.target.suffix, EncodeOptions(quality))
        item.target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(item.target, data, overwrite=overwrite)
    except OSError as error:
        if error.errno in _HOPELESS:
            raise
        return Outcome(item, f"cannot write {item.target}: {error.strerror or error}")
    except (RestoreError, MemoryError) as error:
        return _failure(item, error)
    missing = lost(result, item.target.suffix)
    if missing:
        note = "; ".join([*[note] * bool(note), f"this format does not keep: {', '.join(missing)}"])
    return Outcome(item, note=note)


def _failure(item: Item, error: BaseException) -> Outcome:
    if isinstance(error, MemoryError):
        return Outcome(item, "not enough memory for this picture: try a smaller --tile")
    return Outcome(item, str(error).removeprefix(f"{item.source}: "))


def enhance_picture(picture: Picture, enhance: Enhance) -> Picture:
    """A decoded picture through a network that knows RGB alone: grey stays grey, alpha is resized beside it."""
    grey = picture.pixels.shape[2] == 1
    shallow = to8(picture.pixels)
    pixels = enhance(np.repeat(shallow, 3, axis=2) if grey else shallow)
    if grey:
        pixels = np.round(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
    alpha = None if picture.alpha is None else to8(picture.alpha)
    if alpha is not None and pixels.shape[0] != picture.size[0]:
        alpha = resize(alpha, pixels.shape[0] / picture.size[0])
    return replace(picture, pixels=pixels, alpha=alpha)
