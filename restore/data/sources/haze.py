"""Removal of haze, with synthetic haze on clean photographs: ``data: {train: [...], haze: {...}}``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.haze import Haze
from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.sources.paired import ViewData
from restore.data.sources.restoration import RestorationSource


class HazeData(ViewData):
    """Keys of ``data:`` for synthetic haze."""

    haze: Haze | None = Field(None, description="add haze to the inputs, at scale 1; null for none")


class HazeSource(RestorationSource[HazeData]):
    """Clean photographs as targets, and the same in haze as inputs."""

    key = "haze"
    fields = HazeData
    same_size = "haze"

    def __init__(self, options: HazeData) -> None:
        super().__init__(options)
        self.whole = options.views  # in which there are a sky and a ground

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        assert self.options.haze is not None
        return to_uint8(self.options.haze(to_float(clean), draw))
