"""Removal of rain, with synthetic rain on clean photographs: ``data: {train: [...], rain: {...}}``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.rain import Rain
from restore.data.sources.base import DataOptions
from restore.data.sources.restoration import RestorationSource


class RainData(DataOptions):
    """Keys of ``data:`` for synthetic rain."""

    rain: Rain | None = Field(None, description="add rain to the inputs, at scale 1; null for none")


class RainSource(RestorationSource[RainData]):
    """Clean photographs as targets, and the same with rain as inputs."""

    key = "rain"
    fields = RainData
    same_size = "rain"

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        assert self.options.rain is not None
        return to_uint8(self.options.rain(to_float(clean), draw))
