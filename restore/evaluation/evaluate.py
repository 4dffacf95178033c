"""Run ``restore evaluate``: from its options to a comparison."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import RestoreError
from restore.evaluation.alike import Tolerance
from restore.evaluation.cases import Contender, Methods, lone_cases
from restore.evaluation.comparison import Comparison, Protocol, Setting
from restore.evaluation.measure import compare, measure
from restore.evaluation.sources import Sources, counted, find_sources, matching_pictures
from restore.files.pairing import NameRule
from restore.metrics.metric import Color, Metric, MetricInputs, MetricProtocol
from restore.metrics.registry import METRICS
from restore.utils.progress import progress_bar
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from restore.runtime.model import Model

# Strengths of the perception-distortion plane, unless the user names others.
PLANE_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


class UsageError(RestoreError):
    """The options are invalid or contradict each other."""


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore evaluate --help`` explains them."""

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
    color: Color | None = None
    may: Tolerance = field(default_factory=Tolerance)
    weights: Mapping[str, Path] = field(default_factory=dict)
    ma: tuple[Path, ...] = ()
    seed: int = 0
    tile: int | None = 512
    device: str = "auto"
    threads: int | None = None
    spec: Mapping[str, str] = field(default_factory=dict)
    strengths: tuple[float, ...] = ()
    plane: bool = False


def start(request: Request, screen: Console) -> Comparison:
    """Evaluate the models or results.

    Args:
        request: the options.
        screen: for the progress bar.

    Raises:
        RestoreError: usage error, a broken picture, or something is missing; the message says what to do.
    """
    metrics = chosen_metrics(request.metrics or _usual(request), request.weights)
    inputs = MetricInputs(request.weights)
    _check_ma(request, metrics)
    if request.strengths and not request.models:
        raise UsageError("--strength is of models: give --model, or remove --strength")
    if request.plane:
        _check_axes(request, metrics)
    if request.data is None:
        return _alone(request, metrics, inputs, screen)
    if not request.models and not request.predictions:
        raise UsageError("nothing to measure: give --model, or --predictions with a folder of results")
    models = _open(request)
    scale = _scale(request, models)
    sources = find_sources(request.data, request.pattern, request.low_folder, request.low_name, scale)
    scale = scale or sources.scale or 1
    folders = _folders(request, models)
    scores = dict(zip(folders, request.ma, strict=False))
    methods = Methods(scale, models, folders, request.prediction_name, request.may, request.tile, scores)
    view = MetricProtocol(scale, request.border, request.color)
    return measure(sources, methods, metrics, view, inputs, screen, request.seed)


def chosen_metrics(names: Sequence[str], weights: Mapping[str, Path]) -> list[str]:
    """Check the names of metrics and remove duplicates.

    Raises:
        UsageError: an unknown name; the message suggests the closest one.
    """
    for name in [*names, *weights]:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            meant = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(f"no metric '{name}'. {meant}Choose from {', '.join(METRICS)}; --list describes them")
    idle = [name for name in weights if name not in names]
    if idle:
        raise UsageError(f"--weights {idle[0]}=...: the metric '{idle[0]}' is not measured; add --metric {idle[0]}")
    return list(dict.fromkeys(names))


def _usual(request: Request) -> tuple[str, ...]:
    """The metrics of a request that names none."""
    if request.data is None:
        return ("niqe",)
    return ("psnr", "niqe") if request.plane else ("psnr", "ssim")


def _check_ma(request: Request, metrics: Sequence[str]) -> None:
    if "perceptual-index" not in metrics:
        if request.ma:
            raise UsageError("--ma is only used by the perceptual index: add --metric perceptual-index")
        return
    if request.models:
        raise UsageError(
            "Ma scores belong to finished results: measure the perceptual index of --predictions, without --model"
        )
    if request.ma and len(request.ma) != len(request.predictions):
        raise UsageError(
            f"--ma was given {len(request.ma)} times for {len(request.predictions)} --predictions: each folder has "
            "Ma scores of its own, in the same order"
        )


def _check_axes(request: Request, metrics: Sequence[str]) -> None:
    """Check that both axes of the plane are measured."""
    if request.data is None:
        raise UsageError("--plane: distortion needs references: give their folder with --data")
    for kind, wanted in (("distortion", True), ("perception", False)):
        fit = [name for name, metric in METRICS.items() if metric.distortion == wanted]
        if not any(name in fit for name in metrics):
            raise UsageError(f"--plane: no metric of {kind} is measured: add --metric with one of {', '.join(fit)}")


def _alone(request: Request, metrics: list[str], inputs: MetricInputs, screen: Console) -> Comparison:
    """Evaluate pictures without references."""
    if request.models or not request.predictions:
        raise UsageError("give --data with the reference pictures, or only --predictions to measure without references")
    blind = [name for name in metrics if METRICS[name].reference]
    if blind:
        raise UsageError(
            f"'{blind[0]}' needs references: give their folder with --data. Metrics that need none are "
            + ", ".join(name for name, metric in METRICS.items() if not metric.reference)
        )
    folders = _folders(request, {})
    first = request.predictions[0]
    sources = Sources(first, matching_pictures(first, request.pattern or "*"), chosen=request.pattern is not None)
    scores = dict(zip(folders, request.ma, strict=False))
    methods = Methods(request.scale or 1, {}, folders, request.prediction_name, ma=scores)
    description = f"{', '.join(map(str, request.predictions))} ({counted(sources.references)}), without references"
    view = MetricProtocol(methods.scale, request.border, request.color)
    measured = progress_bar(lone_cases(sources, methods), "Measuring", screen, len(sources.references))
    protocol = Protocol(description, methods.scale, "", view, request.seed)
    return compare(protocol, measured, methods, metrics, inputs)


def _open(request: Request) -> dict[str, Contender]:
    """The models by the names in their files or, if two are the same, as given by the user."""
    from restore.runtime.model import open_model
    from restore.zoo.find import find

    opened = [open_model(find(name), request.device, request.threads, dict(request.spec)) for name in request.models]
    # Names and metadata of files are untrusted.
    own = [printable(model.spec.name) for model in opened]
    pairs = zip(own, request.models, strict=True)
    names = [name if own.count(name) == 1 else printable(given) for name, given in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--model {name} is given twice")
    return _at_strengths(request, dict(zip(names, opened, strict=True)))


def _at_strengths(request: Request, models: Mapping[str, Model]) -> dict[str, Contender]:
    """Each model, or each strength of it if it has one and strengths were asked for."""
    if request.strengths and not any(model.spec.strength for model in models.values()):
        raise UsageError(f"--strength: {', '.join(models)} cannot be adjusted: remove --strength")
    strengths = sorted(set(request.strengths)) or (list(PLANE_STRENGTHS) if request.plane else [])
    found: dict[str, Contender] = {}
    for name, model in models.items():
        if not (model.spec.strength and strengths):
            found[name] = Contender(model, model.spec)
            continue
        for strength in strengths:
            found[f"{name}@{strength:g}"] = Contender(model, model.spec, Setting(name, strength))
    return found


def _scale(request: Request, models: Mapping[str, Contender]) -> int | None:
    """The scale, from the models or the user."""
    scales = {name: one.spec.scale for name, one in models.items()}
    if len(set(scales.values())) > 1:
        description = ", ".join(f"{name} x{scale}" for name, scale in scales.items())
        raise UsageError(
            f"only models of one scale can be compared, but these are {description}: measure them separately"
        )
    own = next(iter(scales.values()), None)
    if own is not None and request.scale not in (None, own):
        raise UsageError(f"--scale {request.scale}: {next(iter(scales))} enlarges {own} times; remove --scale")
    return own or request.scale


def _folders(request: Request, models: Mapping[str, Contender]) -> dict[str, Path]:
    """Folders of results by name or, if that is taken, by path."""
    names = [printable(path.resolve().name) for path in request.predictions]
    own = {name for method, one in models.items() for name in (method, one.setting.model if one.setting else method)}
    taken = {*own, "bicubic", "unchanged"} if models else set()
    folders: dict[str, Path] = {}
    for name, path in zip(names, request.predictions, strict=True):
        name = printable(path) if names.count(name) > 1 or name in taken else name
        if name in folders:
            raise UsageError(f"--predictions {path} is given twice")
        folders[name] = path
    return folders


def described(name: str, metric: Metric) -> str:
    """A one-line description of a metric."""
    better = "higher" if metric.higher_is_better else "lower"
    kind = "" if metric.reference else ", without a reference"
    return f"{metric.summary}; {better} is better{kind}" + (f". Needs {metric.needs}" if metric.needs else "")
