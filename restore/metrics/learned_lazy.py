"""Lazy access to the metrics that need torch: their modules are only imported when a metric is built."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from restore.errors import MissingExtraError
from restore.imaging.color.conversions import as_rgb
from restore.metrics.metric import MetricInputs, MetricProtocol, OfPicture, OfSet, Pixels
from restore.utils.json_types import JsonObject

EXTRA = "pip install 'restore[metrics]'"


def whole_picture(_: MetricProtocol) -> str:
    """``Metric.how`` of most learned metrics."""
    return "on RGB, the whole picture"


def full_reference(
    name: str, module: str, build: str, **options: object
) -> Callable[[MetricProtocol, MetricInputs], OfPicture]:
    """``Metric.measure`` of a learned distance between a picture and its reference.

    Args:
        name: of the metric.
        module: in ``restore.metrics.learned``.
        build: callable in that module; takes ``weights`` (a path or None) and returns a function of two RGB pictures.
        options: further keyword arguments for ``build``.

    Building the metric raises MissingExtraError without its packages and MissingWeightsError without its weights.
    """

    def build_metric(_: MetricProtocol, inputs: MetricInputs) -> OfPicture:
        distance = _build(name, module, build, inputs.weights.get(name), options)

        def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
            assert reference is not None
            return float(distance(as_rgb(image), as_rgb(reference)))

        return measure

    return build_metric


def no_reference(
    name: str, module: str, build: str, **options: object
) -> Callable[[MetricProtocol, MetricInputs], OfPicture]:
    """Like :func:`full_reference`, for a metric of the picture alone."""

    def build_metric(_: MetricProtocol, inputs: MetricInputs) -> OfPicture:
        judge = _build(name, module, build, inputs.weights.get(name), options)

        def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
            return float(judge(as_rgb(image)))

        return measure

    return build_metric


def of_sets(name: str, module: str, build: str) -> Callable[[MetricProtocol, MetricInputs], OfSet]:
    """Like :func:`full_reference`, for a metric of sets; ``build`` returns an object with ``add`` and ``value``."""

    def build_metric(_: MetricProtocol, inputs: MetricInputs) -> OfSet:
        return _RgbSet(_build(name, module, build, inputs.weights.get(name), {}))

    return build_metric


class _SetDistance(Protocol):
    """A metric of sets as ``restore.metrics.learned`` builds it."""

    def add(self, image: Pixels, reference: Pixels, /) -> None: ...

    def value(self) -> float: ...


class _RgbSet:
    """An accumulator that converts pictures to RGB."""

    def __init__(self, distance: _SetDistance) -> None:
        self._distance = distance

    def add(self, image: Pixels, reference: Pixels | None, name: str) -> None:
        assert reference is not None
        self._distance.add(as_rgb(image), as_rgb(reference))

    def value(self) -> float:
        return float(self._distance.value())


def _build(name: str, module: str, build: str, weights: Path | None, options: JsonObject) -> Any:
    try:
        found = importlib.import_module(f"restore.metrics.learned.{module}")
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "restore":
            raise
        raise MissingExtraError(f"the metric '{name}'", "metrics", error.name) from error
    return getattr(found, build)(weights=weights, **options)
