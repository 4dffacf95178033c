"""Measure one picture with several metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable

from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, Pixels
from restore.metrics.registry import METRICS


def measure_picture(
    names: Iterable[str], image: Pixels, reference: Pixels, protocol: MetricProtocol
) -> dict[str, float]:
    """Measure a picture with per-picture metrics that need no files from the user.

    Args:
        names: of the metrics.
        image: uint8 sRGB (H, W, 1 or 3).
        reference: of the same shape.
        protocol: what is measured.

    Returns:
        The values by name; NaN where a metric is undefined, such as SSIM of very small pictures.
    """
    return {name: _measure(METRICS[name], image, reference, protocol) for name in names}


def _measure(metric: Metric, image: Pixels, reference: Pixels, protocol: MetricProtocol) -> float:
    assert metric.measure is not None
    try:
        return metric.measure(protocol, MetricInputs())(image, reference, "")
    except ValueError:
        return math.nan
