"""Run a planned job: one picture's failure is told and does not stop the rest."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.atomic import write_bytes
from restore.errors import RestoreError
from restore.imaging.decode import Picture, read_picture
from restore.imaging.encode import encode
from restore.imaging.resize import resize
from restore.jobs.plan import Item, Plan

Enhance = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


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
    """Enhance every picture of a plan.

    Args:
        plan: from :func:`restore.jobs.plan.make_plan`.
        enhance: uint8 RGB (H, W, 3) to uint8 RGB, larger or not.
        tell: called after every picture.
        quality: of JPEG and WebP.
        overwrite: replace outputs that exist; otherwise one that has appeared since the plan fails its picture.

    Raises:
        OSError: the disk is full; every later picture would fail too.
        KeyboardInterrupt: Ctrl-C. What is written is whole, what is not is absent.
    """
    summary = Summary()
    for item in plan.items:
        outcome = _one(item, enhance, quality, overwrite)
        if outcome.error:
            summary.failed.append(outcome)
        else:
            summary.done += 1
        tell(outcome)
    return summary


def _one(item: Item, enhance: Enhance, quality: int, overwrite: bool) -> Outcome:
    try:
        picture = read_picture(item.source)
        result = enhance_picture(picture, enhance)
        data = encode(result, item.target.suffix, quality)
        item.target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(item.target, data, overwrite=overwrite)
    except RestoreError as error:
        return Outcome(item, _without_path(str(error), item.source))
    except MemoryError:
        return Outcome(item, "not enough memory for this picture: try a smaller --tile")
    except OSError as error:
        if error.errno is not None and error.errno in _HOPELESS:
            raise
        return Outcome(item, f"cannot write {item.target}: {error.strerror or error}")
    note = "more than 8 bits a channel: the result has 8" if picture.deep else ""
    return Outcome(item, note=note)


def enhance_picture(picture: Picture, enhance: Enhance) -> Picture:
    """A decoded picture through a network that knows RGB alone: grey stays grey, alpha is resized beside it."""
    grey = picture.pixels.shape[2] == 1
    pixels = enhance(np.repeat(picture.pixels, 3, axis=2) if grey else picture.pixels)
    if grey:
        pixels = np.round(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
    alpha = picture.alpha
    if alpha is not None and pixels.shape[0] != picture.size[0]:
        alpha = resize(alpha, pixels.shape[0] / picture.size[0])
    return Picture(pixels, alpha, picture.icc, picture.exif, picture.format)


def _without_path(message: str, path: Path) -> str:
    return message.removeprefix(f"{path}: ")


# After these every later picture would fail too.
_HOPELESS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
