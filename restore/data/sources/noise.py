"""Removal of camera noise, with synthetic noise on clean photographs: ``data: {train: [...], noise: {...}}``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.sensor_noise import SensorNoise
from restore.data.sources.base import DataOptions
from restore.data.sources.restoration import RestorationSource


class NoiseData(DataOptions):
    """Keys of ``data:`` for synthetic noise."""

    noise: SensorNoise | None = Field(None, description="add noise to the inputs, at scale 1; null for none")


class NoiseSource(RestorationSource[NoiseData]):
    """Clean photographs as targets, and the same with noise as inputs."""

    key = "noise"
    fields = NoiseData
    same_size = "noise"

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        assert self.options.noise is not None
        return to_uint8(self.options.noise(to_float(clean), draw))
