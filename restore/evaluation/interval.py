"""Confidence intervals of means over pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES, LEVEL = 10_000, 0.95


class Interval(NamedTuple):
    """Bounds of a confidence interval."""

    low: float
    high: float


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval | None:
    """The 95 % percentile bootstrap interval of the mean.

    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13: the pictures are resampled
    with replacement 10,000 times, and the interval contains the middle 95 % of the means. It estimates how much the
    mean would vary on other pictures of the kind; for only a handful of pictures it is too narrow. The same seed draws
    the same pictures for every method. For an interval of differences, pass the differences.

    Args:
        values: one per picture.
        seed: of the resampling.

    Returns:
        The interval; None for fewer than two values, or if one is not finite.
    """
    found: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if len(found) < 2 or not np.isfinite(found).all():
        return None
    draw = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    step = max(1, 2**20 // len(found))  # a few megabytes at once, regardless of the number of pictures
    for start in range(0, RESAMPLES, step):
        part = means[start : start + step]
        part[:] = found[draw.integers(0, len(found), (len(part), len(found)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))
