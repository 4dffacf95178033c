"""Removal of shadows, with synthetic shadows on photographs: ``data: {train: [...], shadow: {...}}``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.shadow import Shadow
from restore.data.sources.base import DataOptions
from restore.data.sources.restoration import RestorationSource


class ShadowData(DataOptions):
    """Keys of ``data:`` for synthetic shadows."""

    shadow: Shadow | None = Field(None, description="cast shadows on the inputs, at scale 1; null for none")


class ShadowSource(RestorationSource[ShadowData]):
    """Photographs as targets, and the same with shadows as inputs."""

    key = "shadow"
    fields = ShadowData
    same_size = "shadow"

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        assert self.options.shadow is not None
        return to_uint8(self.options.shadow(to_float(clean), draw))
