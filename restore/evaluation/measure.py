"""Measure every method with every metric on every picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from restore.errors import DataError
from restore.evaluation.cases import Case, Methods, cases
from restore.evaluation.comparison import Comparison, Protocol
from restore.evaluation.sources import Sources, counted
from restore.metrics.metric import MetricInputs, MetricProtocol, OfPicture, OfSet
from restore.metrics.registry import METRICS
from restore.utils.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console


def measure(
    sources: Sources,
    methods: Methods,
    metrics: Sequence[str],
    view: MetricProtocol,
    inputs: MetricInputs,
    screen: Console,
    seed: int = 0,
) -> Comparison:
    """Compare methods on pictures with references, with a progress bar.

    Args:
        sources: the pictures.
        methods: to compare.
        metrics: by name.
        view: border and color space.
        inputs: files that metrics need from the user.
        screen: for the progress bar.
        seed: of the intervals.

    Raises:
        DataError: as for :func:`restore.evaluation.cases.cases` and :func:`compare`; or a model that does not enlarge
            has no inputs.
        ImageError: a picture cannot be read.
    """
    if methods.models and methods.scale == 1 and sources.lows is None:
        raise DataError(
            f"{next(iter(methods.models))} does not enlarge: give the folder of its inputs with --lr, and the "
            "references with the same names in --data"
        )
    description = sources.description or f"{sources.folder} ({counted(sources.references)})"
    precisions = {name: model.spec.precision for name, model in methods.models.items()}
    settings = {name: model.setting for name, model in methods.models.items() if model.setting}
    protocol = Protocol(description, methods.scale, _low(sources, methods), view, seed, precisions, settings)
    measured = progress_bar(cases(sources, methods), "Measuring", screen, len(sources.references))
    return compare(protocol, measured, methods, metrics, inputs)


def _low(sources: Sources, methods: Methods) -> str:
    if not methods.models:
        return ""
    return "MATLAB-like bicubic, 8 bits" if sources.lows is None else "given files"


def compare(
    protocol: Protocol,
    measured: Iterable[Case],
    methods: Methods,
    metrics: Sequence[str],
    inputs: MetricInputs,
) -> Comparison:
    """Measure all cases.

    Args:
        protocol: describes the measurement.
        measured: see :func:`restore.evaluation.cases.cases`.
        methods: that the cases are of.
        metrics: by name, see :data:`restore.metrics.registry.METRICS`.
        inputs: files that metrics need from the user; Ma scores are the methods' own.

    Raises:
        DataError: a metric cannot measure a picture or the whole set.
        MissingExtraError: a metric needs packages that are not installed.
        MissingWeightsError: a metric's weights are missing.
    """
    view = protocol.view
    one = _by_method(methods, metrics, view, inputs)
    of_sets = {name: METRICS[name].measure_set for name in metrics}
    whole = {m: {name: build(view, inputs) for name, build in of_sets.items() if build} for m in methods.names}
    names: list[str] = []
    scores: dict[str, dict[str, list[float]]] = {m: {name: [] for name in one[m]} for m in methods.names}
    for case in measured:
        names.append(case.name)
        for method, (image, reference) in case.pairs.items():
            for name, measure in one[method].items():
                with _located(case, method, name):
                    scores[method][name].append(measure(image, reference, case.name))
            for name, gathered in whole[method].items():
                with _located(case, method, name):
                    gathered.add(image, reference, case.name)
    sets = {method: _values(gathered) for method, gathered in whole.items()}
    return Comparison(protocol, methods.names, methods.baseline, list(metrics), names, scores, sets)


def _by_method(
    methods: Methods, metrics: Sequence[str], view: MetricProtocol, inputs: MetricInputs
) -> dict[str, dict[str, OfPicture]]:
    """What measures the pictures of each method; all share a metric that needs no scores of their results."""
    builds = {name: build for name in metrics if (build := METRICS[name].measure)}
    shared = {name: build(view, inputs) for name, build in builds.items() if not METRICS[name].precomputed}
    found = {}
    for method in methods.names:
        own = replace(inputs, ma=methods.ma.get(method))
        found[method] = {name: shared[name] if name in shared else build(view, own) for name, build in builds.items()}
    return found


@contextmanager
def _located(case: Case, method: str, metric: str) -> Iterator[None]:
    """Add the picture to the error of a metric that cannot measure it."""
    try:
        yield
    except ValueError as error:
        title = METRICS[metric].title
        raise DataError(f"{case.path}: {title} of {method}: {error}. Leave out the picture or the metric") from error


def _values(gathered: Mapping[str, OfSet]) -> dict[str, float]:
    found = {}
    for name, one in gathered.items():
        try:
            found[name] = one.value()
        except ValueError as error:
            raise DataError(f"{METRICS[name].title}: {error}") from error
    return found
