"""Removal of motion blur, with synthetic motion of camera and objects: ``data: {train: [...], motion: {...}}``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.motion import Motion
from restore.data.sources.base import DataOptions
from restore.data.sources.restoration import RestorationSource


class MotionData(DataOptions):
    """Keys of ``data:`` for synthetic motion blur."""

    motion: Motion | None = Field(None, description="blur the inputs by motion, at scale 1; null for none")


class MotionSource(RestorationSource[MotionData]):
    """Sharp photographs as targets, and the same in motion as inputs."""

    key = "motion"
    fields = MotionData
    same_size = "motion"

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        assert self.options.motion is not None
        return to_uint8(self.options.motion(to_float(clean), draw))
