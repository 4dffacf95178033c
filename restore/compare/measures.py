"""What is measured against a reference, and the order of its columns."""

from __future__ import annotations

from restore.metrics.metric import Metric, Pixels, View
from restore.metrics.registry import METRICS, measured

# By the registry's names: of its metrics those that need no weights and are done with in the time that copying takes.
MEASURES: dict[str, Metric] = {name: METRICS[name] for name in ("psnr", "ssim", "ciede2000")}


def measure(image: Pixels, reference: Pixels, scale: int) -> dict[str, float]:
    """Every measure, by its title; as :func:`restore.metrics.registry.measured`."""
    found = measured(MEASURES, image, reference, View(scale))
    return {MEASURES[name].title: value for name, value in found.items()}
