"""The metrics that need torch, by name, ready to measure pictures of any number of channels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from restore.imaging.colour import as_rgb
from restore.metrics.learned.clip_iqa import ClipIqa
from restore.metrics.learned.distribution import InceptionDistance, frechet, inception, kernel
from restore.metrics.learned.dists import Dists
from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.learned.lpips import LpipsDistance
from restore.metrics.metric import OfPicture, OfSet, Pixels


def _compares(distance: Callable[[Pixels, Pixels], float]) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        return distance(as_rgb(image), as_rgb(reference))

    return measure


def _looks(judge: Callable[[Pixels], float]) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        return judge(as_rgb(image))

    return measure


@dataclass(frozen=True)
class _Sets:
    """A distance of sets behind the same door."""

    distance: InceptionDistance

    def add(self, image: Pixels, reference: Pixels | None, name: str) -> None:
        assert reference is not None
        self.distance.add(as_rgb(image), as_rgb(reference))

    def value(self) -> float:
        return self.distance.value()


@functools.lru_cache(maxsize=2)
def _inception(weights: Path | None) -> Callable[[Tensor], Tensor]:
    """One network for FID and KID and all methods that they measure: each takes seconds to build, and 90 MB."""
    return inception("FID and KID", weights)


PICTURES: dict[str, Callable[[Path | None], OfPicture]] = {
    "lpips": lambda weights: _compares(LpipsDistance("alex", weights)),
    "lpips-vgg": lambda weights: _compares(LpipsDistance("vgg", weights)),
    "dists": lambda weights: _compares(Dists(weights)),
    "features": lambda weights: _compares(FeatureDistance(weights)),
    "clip-iqa": lambda weights: _looks(ClipIqa(weights)),
}

SETS: dict[str, Callable[[Path | None], OfSet]] = {
    "fid": lambda weights: _Sets(InceptionDistance(frechet, _inception(weights))),
    "kid": lambda weights: _Sets(InceptionDistance(kernel, _inception(weights))),
}
