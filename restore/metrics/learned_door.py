"""The one door to the metrics that need torch: what is behind it is imported when a picture is to be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from restore.errors import MissingExtraError
from restore.metrics.metric import Material, OfPicture, OfSet, View


def learned(name: str) -> Callable[[View, Material], OfPicture]:
    """How to build a metric of pictures that is behind the door.

    What it gives raises MissingExtraError where packages are missing, and MissingWeightsError where weights are.
    """

    def build(view: View, material: Material) -> OfPicture:
        measure: OfPicture = _behind(name).PICTURES[name](material.weights.get(name))
        return measure

    return build


def learned_set(name: str) -> Callable[[View, Material], OfSet]:
    """The same of a metric of sets."""

    def build(view: View, material: Material) -> OfSet:
        gathered: OfSet = _behind(name).SETS[name](material.weights.get(name))
        return gathered

    return build


def _behind(name: str) -> Any:
    try:
        from restore.metrics.learned import build
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "restore":
            raise
        raise MissingExtraError(f"the metric '{name}'", "metrics", error.name) from error
    return build
