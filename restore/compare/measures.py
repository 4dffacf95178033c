"""What is measured against a reference, and the order of its columns."""

from __future__ import annotations

from restore.metrics.measure import measure_picture
from restore.metrics.metric import Metric, MetricProtocol, Pixels
from restore.metrics.registry import METRICS

# By the registry's names: of its metrics those that need no weights and are done with in the time that copying takes.
MEASURES: dict[str, Metric] = {name: METRICS[name] for name in ("psnr", "ssim", "ciede2000")}


def measure(image: Pixels, reference: Pixels, scale: int) -> dict[str, float]:
    """Every measure, by its title; as :func:`restore.metrics.measure.measure_picture`."""
    found = measure_picture(MEASURES, image, reference, MetricProtocol(scale))
    return {MEASURES[name].title: value for name, value in found.items()}
