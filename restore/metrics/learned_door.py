"""The one door to the metrics that need torch: what is behind it is imported when a picture is to be measured."""

from __future__ import annotations

from collections.abc import Callable

from restore.errors import MissingExtraError
from restore.metrics.metric import Material, OfPicture, View


def learned(name: str) -> Callable[[View, Material], OfPicture]:
    """How to build a metric of pictures that is behind the door.

    What it gives raises MissingExtraError where packages are missing, and MissingWeightsError where weights are.
    """

    def build(view: View, material: Material) -> OfPicture:
        try:
            from restore.metrics.learned.build import PICTURES
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0] == "restore":
                raise
            raise MissingExtraError(f"the metric '{name}'", "train", error.name) from error
        return PICTURES[name](material.weights.get(name))

    return build
