"""The scores of methods, and how they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from restore.evaluation.interval import Interval, bootstrap
from restore.metrics.metric import MetricProtocol
from restore.metrics.registry import METRICS


@dataclass(frozen=True)
class Protocol:
    """How it was measured, in words and as it is asked for again.

    Attributes:
        data: the folder, and what was recognized of it.
        scale: by which the methods enlarge.
        low: how the low resolution came to be, or what the input was; empty where nothing was made.
        view: what of the pictures was measured.
        seed: of the intervals.
        precisions: of the models that were measured, by name.
    """

    data: str
    scale: int
    low: str
    view: MetricProtocol
    seed: int = 0
    precisions: Mapping[str, str] = field(default_factory=dict)

    def how(self, metrics: Sequence[str]) -> str:
        """On what each metric was taken; those that are taken alike share their words."""
        alike: dict[str, list[str]] = {}
        for name in metrics:
            metric = METRICS[name]
            said = metric.title + (f" in {metric.unit}" if metric.unit else "")
            alike.setdefault(metric.how(self.view), []).append(said)
        return "; ".join(f"{' and '.join(titles)} {how}" for how, titles in alike.items())


@dataclass(frozen=True)
class Comparison:
    """The scores of methods.

    Attributes:
        protocol: how they were measured.
        methods: by name, the baseline first.
        baseline: what the others are compared with, if there is one.
        metrics: by name.
        pictures: their names.
        scores: by method and metric, a value for each picture.
        sets: by method and metric, a value for all pictures together.
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
        """The methods but the baseline."""
        return [name for name in self.methods if name != self.baseline]

    def mean(self, method: str, metric: str) -> float:
        """Over the pictures, or of the set."""
        if metric in self.sets.get(method, {}):
            return self.sets[method][metric]
        return float(np.mean(self.scores[method][metric]))

    def interval(self, method: str, metric: str) -> Interval | None:
        """Of the mean; a metric of sets has none."""
        return bootstrap(self.scores[method].get(metric, []), self.protocol.seed)

    def gain(self, method: str, metric: str) -> tuple[float, Interval | None]:
        """The mean of the differences to the baseline, picture by picture, and their interval."""
        if self.baseline is None or metric not in self.scores[method]:
            return self.mean(method, metric) - self.mean(str(self.baseline), metric), None
        pairs = zip(self.scores[method][metric], self.scores[self.baseline][metric], strict=True)
        with np.errstate(invalid="ignore"):  # of two infinite values
            differences = [float(np.subtract(mine, other)) for mine, other in pairs]
        return float(np.mean(differences)), bootstrap(differences, self.protocol.seed)
