"""What is measured against a reference, and the order of its columns."""

from __future__ import annotations

import math

from restore.metrics.metric import Material, Metric, Pixels, View
from restore.metrics.registry import METRICS

# By the registry's names: of its metrics those that need no weights and are done with in the time that copying takes.
MEASURES: dict[str, Metric] = {name: METRICS[name] for name in ("psnr", "ssim", "ciede2000")}


def measure(image: Pixels, reference: Pixels, scale: int) -> dict[str, float]:
    """Every measure, by its title; nan where one is not defined, as SSIM is not of very small pictures.

    Args:
        image: uint8 sRGB (H, W, 1 or 3).
        reference: of the same shape.
        scale: by which the picture was enlarged.
    """
    return {one.title: _measured(one, image, reference, scale) for one in MEASURES.values()}


def _measured(one: Metric, image: Pixels, reference: Pixels, scale: int) -> float:
    assert one.measure is not None
    try:
        return one.measure(View(scale), Material())(image, reference, "")
    except ValueError:
        return math.nan
