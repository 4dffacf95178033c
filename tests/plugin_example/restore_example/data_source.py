"""Removal of haze, learned from clear photographs: ``data: {train: [...], example_haze: {...}}``."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from restore.data.degradations.base import Probability, ordered
from restore.data.sources.base import DataOptions
from restore.data.sources.restoration import RestorationSource

_Range = Annotated[tuple[Probability, Probability], AfterValidator(ordered)]


class Haze(BaseModel):
    """How dense the haze is, and how bright (Koschmieder's law with one depth for the whole picture)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transmission: _Range = Field((0.4, 0.9), description="share of the light that comes through")
    airlight: _Range = Field((0.7, 0.95), description="value of the haze, on 0..1")


class HazeData(DataOptions):
    """Keys of ``data:`` for photographs in haze."""

    example_haze: Haze | None = Field(None, description="of the input: haze, at scale 1; null for none")


class HazeSource(RestorationSource[HazeData]):
    """Clear photographs, and the same in haze."""

    key = "example_haze"
    fields = HazeData
    same_size = "example_haze"

    def degrade(self, clean: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        haze = self.options.example_haze
        assert haze is not None
        share, value = draw.uniform(*haze.transmission), draw.uniform(*haze.airlight)
        return np.round(share * clean + (1 - share) * 255 * value).astype(np.uint8)
