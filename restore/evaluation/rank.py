"""Run ``restore pick``: rank pictures by quality, the worst first."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import RestoreError
from restore.evaluation.evaluate import UsageError, chosen_metrics
from restore.files.listing import Unreadable, scan
from restore.imaging.decode import read_picture
from restore.imaging.header import header_size
from restore.imaging.picture import to8
from restore.jobs.naming import PlanError
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture
from restore.metrics.registry import METRICS
from restore.utils.prefetch import prefetch
from restore.utils.progress import progress_bar
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console

# Metrics that need only the picture itself.
JUDGES = ("niqe", "clip-iqa")
# Memory per pixel while measuring: the samples, and luma and NIQE's planes in double precision.
_BYTES_A_PIXEL = 36


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore pick --help`` explains them."""

    folder: Path
    metric: str
    worst: int | None = None
    weights: dict[str, Path] = field(default_factory=dict)
    workers: int = 1
    max_pixels: float = 256


@dataclass(frozen=True)
class Judged:
    """A picture, relative to the folder, with its score or the reason why it has none.

    Attributes:
        broken: whether the file cannot be read; otherwise the metric is undefined for it.
    """

    name: str
    score: float = math.nan
    reason: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Ranking:
    """The pictures of a folder.

    Attributes:
        metric: its name.
        ranked: pictures with a score, the worst first.
        unranked: pictures without a score.
    """

    metric: str
    ranked: list[Judged]
    unranked: list[Judged]

    @property
    def exit_code(self) -> int:
        """1 if files are broken or nothing was measured, else 0; pictures unsuitable for the metric do not count."""
        return 1 if not self.ranked or any(one.broken for one in self.unranked) else 0


def start(request: Request, screen: Console) -> Ranking:
    """Score every picture in a folder and its subfolders.

    Args:
        request: the options.
        screen: for the progress bar, and for pictures that cannot be measured.

    Raises:
        RestoreError: no such folder, no pictures, no such metric, or its requirements are missing.
    """
    (name,) = chosen_metrics([request.metric], request.weights)
    metric = METRICS[name]
    if name not in JUDGES:
        alone = ", ".join(JUDGES)
        raise UsageError(f"--metric {name} cannot rate a picture by itself; choose from {alone}")
    if not request.folder.is_dir():
        raise PlanError(f"{request.folder}: no such folder")
    found = scan(request.folder)
    judged = [_closed(one) for one in found.unreadable]
    if not found.pictures and not judged:
        raise PlanError(f"{request.folder}: no pictures in this folder")
    assert metric.measure is not None
    measure = metric.measure(MetricProtocol(), MetricInputs(request.weights))
    judging = _judge_all(found.pictures, request, measure)
    judged += progress_bar(judging, "Judging", screen, len(found.pictures))
    for one in judged:
        if one.reason:
            verb = "failed" if one.broken else "left out"
            screen.print(f"{verb}: {printable(one.name)}: {one.reason}", markup=False)
    ranked = sorted((one for one in judged if not one.reason), key=_badness(metric))
    return Ranking(name, ranked, [one for one in judged if one.reason])


def _closed(folder: Unreadable) -> Judged:
    return Judged(str(folder.folder), reason=f"the folder cannot be read: {folder.reason}", broken=True)


def _judge_all(paths: Sequence[Path], request: Request, measure: OfPicture) -> Iterator[Judged]:
    """Score pictures in order, several at once as memory allows."""
    return prefetch(paths, lambda path: _judge(path, request, measure), request.workers, _memory)


def _memory(path: Path) -> int:
    height, width = header_size(path) or (0, 0)
    return _BYTES_A_PIXEL * height * width


def _judge(path: Path, request: Request, measure: OfPicture) -> Judged:
    name = path.relative_to(request.folder).as_posix()
    try:
        pixels = to8(read_picture(path, round(request.max_pixels * 1e6)).pixels)
        return Judged(name, measure(pixels, None, name))
    except ValueError as error:
        return Judged(name, reason=str(error))
    except RestoreError as error:
        return Judged(name, reason=str(error).removeprefix(f"{path}: "), broken=True)
    except MemoryError:
        return Judged(name, reason="not enough memory for this picture", broken=True)


def _badness(metric: Metric) -> Callable[[Judged], tuple[float, str]]:
    sign = 1 if metric.higher_is_better else -1
    return lambda one: (sign * one.score, one.name)


def to_text(ranking: Ranking, worst: int | None) -> str:
    """A table for a terminal."""
    metric = METRICS[ranking.metric]
    shown = ranking.ranked[:worst]
    better = "higher" if metric.higher_is_better else "lower"
    of = f"{len(shown)} of {len(ranking.ranked)} pictures" if len(shown) < len(ranking.ranked) else "all pictures"
    lines = [f"{metric.title} {metric.how(MetricProtocol())}; {better} is better; {of}, worst first"]
    return "\n".join([*lines, *(f"{one.score:8.{metric.digits}f}  {printable(one.name)}" for one in shown)])


def to_json(ranking: Ranking, worst: int | None) -> str:
    """The ranking as JSON."""
    metric = METRICS[ranking.metric]
    facts = {
        "metric": ranking.metric,
        "protocol": f"{metric.title} {metric.how(MetricProtocol())}",
        "higher_is_better": metric.higher_is_better,
        "measured": len(ranking.ranked),
        "pictures": [{"picture": one.name, "score": one.score} for one in ranking.ranked[:worst]],
        "failed": [{"picture": one.name, "error": one.reason} for one in ranking.unranked if one.broken],
        "left_out": [{"picture": one.name, "reason": one.reason} for one in ranking.unranked if not one.broken],
    }
    return json.dumps(facts, indent=2, allow_nan=False)
