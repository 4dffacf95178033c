"""What a tracker is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from restore.utils.json_types import JsonObject

Status = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker records when a run begins or is resumed.

    Attributes:
        folder: folder of the run; its name is the run's.
        recipe: the recipe with all defaults, as plain values.
        recipe_yaml: the same as text.
    """

    folder: Path
    recipe: JsonObject
    recipe_yaml: str


class Tracker(ABC):
    """Records a run. Its methods are called in order, from one thread; any of them may raise anything.

    A subclass takes a :class:`TrackedRun` and the ``id`` of the record to go on with, which is empty for a new one.
    """

    id: str = ""
    """Finds the record again when the run is resumed; empty if nothing is needed."""

    @abstractmethod
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers by name."""

    @abstractmethod
    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """Record an RGB picture (H, W, 3)."""

    @abstractmethod
    def close(self, status: Status) -> None:
        """End the record; returns when everything is written or sent."""
