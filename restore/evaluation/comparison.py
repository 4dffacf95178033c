"""The methods' scores and the protocol behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from restore.evaluation.interval import Interval, bootstrap
from restore.metrics.metric import MetricProtocol
from restore.metrics.registry import METRICS


@dataclass(frozen=True)
class Setting:
    """A model at one strength, which is a method of its own.

    Attributes:
        model: the model's name.
        strength: 0..1.
    """

    model: str
    strength: float


@dataclass(frozen=True)
class Protocol:
    """How the scores were measured, for readers and for repeating it.

    Attributes:
        data: the folder, and the benchmark recognized in it.
        scale: the methods' enlargement factor.
        low: how the low-resolution input was made, or what the input was; empty if no model ran.
        view: border and color space.
        seed: of the intervals.
        precisions: of the measured models, by method.
        settings: methods that are a model at a chosen strength.
    """

    data: str
    scale: int
    low: str
    view: MetricProtocol
    seed: int = 0
    precisions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def how(self, metrics: Sequence[str]) -> str:
        """What each metric was computed on; metrics with the same description are grouped."""
        alike: dict[str, list[str]] = {}
        for name in metrics:
            metric = METRICS[name]
            title = metric.title + (f" in {metric.unit}" if metric.unit else "")
            alike.setdefault(metric.how(self.view), []).append(title)
        return "; ".join(f"{' and '.join(titles)} {how}" for how, titles in alike.items())


@dataclass(frozen=True)
class Comparison:
    """The scores of the compared methods.

    Attributes:
        protocol: how they were measured.
        methods: by name, the baseline first.
        baseline: the method that the others are compared with, if any.
        metrics: by name.
        pictures: their names.
        scores: by method and metric, one value per picture.
        sets: by method and metric, one value for all pictures together.
    """

    protocol: Protocol
    methods: list[str]
    baseline: str | None
    metrics: list[str]
    pictures: list[str]
    scores: dict[str, dict[str, list[float]]]
    sets: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def others(self) -> list[str]:
        """The methods except the baseline."""
        return [name for name in self.methods if name != self.baseline]

    def mean(self, method: str, metric: str) -> float:
        """The mean over the pictures, or the value of the set."""
        if metric in self.sets.get(method, {}):
            return self.sets[method][metric]
        return float(np.mean(self.scores[method][metric]))

    def interval(self, method: str, metric: str) -> Interval | None:
        """The confidence interval of the mean; None for a metric of sets."""
        return bootstrap(self.scores[method].get(metric, []), self.protocol.seed)

    def gain(self, method: str, metric: str) -> tuple[float, Interval | None]:
        """The mean of the per-picture differences from the baseline, and its interval."""
        if self.baseline is None or metric not in self.scores[method]:
            return self.mean(method, metric) - self.mean(str(self.baseline), metric), None
        pairs = zip(self.scores[method][metric], self.scores[self.baseline][metric], strict=True)
        with np.errstate(invalid="ignore"):  # difference of two infinite values
            differences = [float(np.subtract(mine, other)) for mine, other in pairs]
        return float(np.mean(differences)), bootstrap(differences, self.protocol.seed)
