"""From the options of ``restore evaluate`` to a comparison."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import RestoreError
from restore.evaluation.alike import Tolerance
from restore.evaluation.cases import Contender, Methods, lone_cases
from restore.evaluation.comparison import Comparison, Protocol
from restore.evaluation.measure import compare, measure
from restore.evaluation.sources import Sources, counted, find_sources, matching_pictures
from restore.files.pairing import NameRule
from restore.metrics.metric import Colour, Metric, MetricInputs, MetricProtocol
from restore.metrics.registry import METRICS
from restore.utils.progress import with_bar
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console


class UsageError(RestoreError):
    """The options do not go together."""


@dataclass(frozen=True)
class Request:
    """The options as they were given; ``restore evaluate --help`` says what each means."""

    models: tuple[str, ...] = ()
    data: Path | None = None
    predictions: tuple[Path, ...] = ()
    metrics: tuple[str, ...] = ()
    pattern: str | None = None
    low_folder: Path | None = None
    low_name: NameRule | None = None
    prediction_name: NameRule | None = None
    scale: int | None = None
    border: int | None = None
    colour: Colour | None = None
    may: Tolerance = field(default_factory=Tolerance)
    weights: Mapping[str, Path] = field(default_factory=dict)
    ma: Path | None = None
    seed: int = 0
    tile: int | None = 512
    device: str = "auto"
    threads: int | None = None
    spec: Mapping[str, str] = field(default_factory=dict)


def start(request: Request, screen: Console) -> Comparison:
    """Measure what was asked for.

    Args:
        request: the options.
        screen: for the progress bar.

    Raises:
        RestoreError: wrong use, a broken picture, or something that is missing; each says what to do.
    """
    metrics = chosen_metrics(request.metrics or (("psnr", "ssim") if request.data else ("niqe",)), request.weights)
    material = MetricInputs(request.weights, request.ma)
    if "perceptual-index" in metrics and (request.models or len(request.predictions) != 1):
        raise UsageError("Ma scores are of one folder of results: measure the perceptual index of one --predictions")
    if request.ma is not None and "perceptual-index" not in metrics:
        raise UsageError("--ma: the perceptual index is not asked for; add --metric perceptual-index")
    if request.data is None:
        return _alone(request, metrics, material, screen)
    if not request.models and not request.predictions:
        raise UsageError("what is measured? Give --model, or --predictions with a folder of results")
    models = _open(request)
    scale = _scale(request, models)
    sources = find_sources(request.data, request.pattern, request.low_folder, request.low_name, scale)
    scale = scale or sources.scale or 1
    methods = Methods(scale, models, _folders(request, models), request.prediction_name, request.may, request.tile)
    view = MetricProtocol(scale, request.border, request.colour)
    return measure(sources, methods, metrics, view, material, screen, request.seed)


def chosen_metrics(names: Sequence[str], weights: Mapping[str, Path]) -> list[str]:
    """Names that exist, once each.

    Raises:
        UsageError: there is none of that name; tells the nearest.
    """
    for name in [*names, *weights]:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            meant = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(f"no metric '{name}'. {meant}There are {', '.join(METRICS)}; --list tells of each")
    idle = [name for name in weights if name not in names]
    if idle:
        raise UsageError(f"--weights {idle[0]}=...: the metric '{idle[0]}' is not asked for; add --metric {idle[0]}")
    return list(dict.fromkeys(names))


def _alone(request: Request, metrics: list[str], material: MetricInputs, screen: Console) -> Comparison:
    """Pictures without references."""
    if request.models or not request.predictions:
        raise UsageError("give --data with the pictures as they should be, or --predictions alone for pictures without")
    blind = [name for name in metrics if METRICS[name].reference]
    if blind:
        raise UsageError(
            f"'{blind[0]}' compares with references: give their folder with --data. Without it there are "
            + ", ".join(name for name, metric in METRICS.items() if not metric.reference)
        )
    folders = _folders(request, {})
    first = request.predictions[0]
    sources = Sources(first, matching_pictures(first, request.pattern or "*"), chosen=request.pattern is not None)
    methods = Methods(request.scale or 1, {}, folders, request.prediction_name)
    said = f"{', '.join(map(str, request.predictions))} ({counted(sources.references)}), without references"
    view = MetricProtocol(methods.scale, request.border, request.colour)
    measured = with_bar(lone_cases(sources, methods), "Measuring", screen, len(sources.references))
    protocol = Protocol(said, methods.scale, "", view, request.seed)
    return compare(protocol, measured, methods.names, methods.baseline, metrics, material)


def _open(request: Request) -> dict[str, Contender]:
    """The models by the names they give themselves or, where two give the same, by what the user called them."""
    from restore.runtime.model import open_model
    from restore.zoo.find import find

    opened = [open_model(find(name), request.device, request.threads, dict(request.spec)) for name in request.models]
    # What a file says of itself, or is called, may be anything.
    own = [printable(model.spec.name) for model in opened]
    pairs = zip(own, request.models, strict=True)
    names = [name if own.count(name) == 1 else printable(given) for name, given in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--model {name} is given twice")
    return {name: Contender(model, model.spec) for name, model in zip(names, opened, strict=True)}


def _scale(request: Request, models: Mapping[str, Contender]) -> int | None:
    """What the models say, or the user."""
    scales = {name: one.spec.scale for name, one in models.items()}
    if len(set(scales.values())) > 1:
        said = ", ".join(f"{name} x{scale}" for name, scale in scales.items())
        raise UsageError(f"models of one scale can be compared, and these are {said}: measure them one after another")
    own = next(iter(scales.values()), None)
    if own is not None and request.scale not in (None, own):
        raise UsageError(f"--scale {request.scale}: {next(iter(scales))} enlarges {own} times; leave --scale out")
    return own or request.scale


def _folders(request: Request, models: Mapping[str, Contender]) -> dict[str, Path]:
    """Folders of results by their own name or, where that is taken, by their path."""
    names = [printable(path.resolve().name) for path in request.predictions]
    taken = {*models, "bicubic", "unchanged"} if models else set()
    folders: dict[str, Path] = {}
    for name, path in zip(names, request.predictions, strict=True):
        name = printable(path) if names.count(name) > 1 or name in taken else name
        if name in folders:
            raise UsageError(f"--predictions {path} is given twice")
        folders[name] = path
    return folders


def described(name: str, metric: Metric) -> str:
    """A metric in a line."""
    better = "higher" if metric.higher_is_better else "lower"
    kind = "" if metric.reference else ", without a reference"
    return f"{metric.says}; {better} is better{kind}" + (f". Needs {metric.needs}" if metric.needs else "")
