"""The metrics that need torch, by name, ready to measure pictures of any number of channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.metric import OfPicture, Pixels
from restore.metrics.protocol import as_rgb


def _compares(distance: Callable[[Pixels, Pixels], float]) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        return distance(as_rgb(image), as_rgb(reference))

    return measure


PICTURES: dict[str, Callable[[Path | None], OfPicture]] = {
    "features": lambda weights: _compares(FeatureDistance(weights)),
}
