"""The validation metric of a run, which decides what "best" means."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.metrics.metric import Color, Metric, MetricInputs, MetricProtocol
from restore.metrics.registry import METRICS

# Names from before recipes could use every metric: a registered metric with a fixed color space.
_WITH_COLOR: dict[str, tuple[str, Color]] = {
    "psnr-y": ("psnr", "y"),
    "psnr-rgb": ("psnr", "rgb"),
    "ssim-y": ("ssim", "y"),
}

# PSNR in dB that counts for equal pictures.
_EQUAL = 100.0


class ValidationSample(Protocol):
    """A validation picture; ``high`` is its target, uint8 (H, W, 3), or None."""

    @property
    def name(self) -> str: ...

    @property
    def high(self) -> NDArray[np.uint8] | None: ...


Measure = Callable[[Sequence[NDArray[np.uint8]], Sequence[ValidationSample]], float]


@dataclass(frozen=True)
class ValidationMetric:
    """A registered metric as a recipe names it.

    Attributes:
        name: name in recipes and logs.
        metric: the registered metric.
        color: color space to measure on; None for the metric's own choice.
    """

    name: str
    metric: Metric
    color: Color | None = None

    @property
    def worst(self) -> float:
        """The worst possible value, which any other improves on."""
        return float("-inf" if self.metric.higher_is_better else "inf")

    def improves(self, value: float, best: float) -> bool:
        """Whether ``value`` is better than ``best``; NaN never is."""
        return value > best if self.metric.higher_is_better else value < best

    def applies_to(self, samples: Iterable[ValidationSample]) -> bool:
        """Whether it can measure these samples; without targets, only metrics that need no reference can."""
        return not self.metric.reference or all(sample.high is not None for sample in samples)

    def build(self, scale: int, weights: Path | None = None) -> Measure:
        """A function that averages the metric over results and their samples, ignoring a border of ``scale`` pixels.

        Args:
            scale: scale of the network.
            weights: weights file of a learned metric; None for torch hub's cache or the metric's package.

        Raises:
            MissingExtraError: a package is missing.
            MissingWeightsError: weights are missing.
            ModelError: the file of weights is damaged or of another network.

        The function raises DataError if a picture cannot be measured, such as one that is too small.
        """
        assert self.metric.measure is not None
        inputs = MetricInputs({} if weights is None else {self.metric.name: weights})
        one = self.metric.measure(MetricProtocol(scale, color=self.color), inputs)

        def measure(results: Sequence[NDArray[np.uint8]], samples: Sequence[ValidationSample]) -> float:
            values = []
            for result, sample in zip(results, samples, strict=True):
                try:
                    value = one(result, sample.high, sample.name)
                except ValueError as error:
                    size = f"{result.shape[1]} x {result.shape[0]} pixels"
                    raise DataError(
                        f"{sample.name} ({size}) cannot be validated by {self.name}: {error}. Increase "
                        "validation.crop, or choose another validation.metric"
                    ) from error
                # A picture that comes back to the bit must not hide the others in the mean.
                values.append(_EQUAL if value == np.inf else value)
            return float(np.mean(values))

        return measure

    @property
    def label(self) -> str:
        """Label for the axis of a plot."""
        unit = f", {self.metric.unit}" if self.metric.unit else ""
        return f"{self.metric.title}{f' on {self.color.upper()}' if self.color else ''}{unit}"

    def format(self, value: float) -> str:
        """A value as text for the console; PSNR gets one digit more than in tables, as it changes slowly."""
        unit = f" {self.metric.unit}" if self.metric.unit else ""
        color = f" ({self.color.upper()})" if self.color else ""
        return f"{self.metric.title}{color} {value:.{max(3, self.metric.digits)}f}{unit}"


def validation_metrics() -> list[str]:
    """All valid values of ``validation.metric``."""
    return [*_WITH_COLOR, *(name for name, metric in METRICS.items() if _usable(metric))]


def find_metric(name: str) -> ValidationMetric:
    """The metric for ``validation.metric`` of a recipe.

    Raises:
        ValueError: there is no such metric, or it cannot measure single pictures; the message lists the valid ones.
    """
    if name in _WITH_COLOR:
        registered, color = _WITH_COLOR[name]
        return ValidationMetric(name, METRICS[registered], color)
    if name not in METRICS:
        near = difflib.get_close_matches(name, validation_metrics(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(validation_metrics())}"
        raise ValueError(f"no metric '{name}': {hint}")
    metric = METRICS[name]
    if not _usable(metric):
        reason = "needs scores computed by another program" if metric.precomputed else "measures whole sets"
        raise ValueError(f"'{name}' {reason}; use one of {', '.join(validation_metrics())}")
    return ValidationMetric(name, metric)


def _usable(metric: Metric) -> bool:
    return metric.measure is not None and not metric.precomputed
