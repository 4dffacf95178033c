"""Fading: an old print loses contrast and, dye by dye, its color."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, Probability, ordered


class Fade(Degradation):
    """Raise black, lower white, and bleach each channel by its own amount."""

    kind: Literal["fade"] = "fade"
    black: Annotated[tuple[Probability, Probability], AfterValidator(ordered)] = Field(
        (0.02, 0.15), description="new value of black"
    )
    white: Annotated[tuple[Probability, Probability], AfterValidator(ordered)] = Field(
        (0.8, 0.98), description="new value of white"
    )
    bleach: Annotated[tuple[Probability, Probability], AfterValidator(ordered)] = Field(
        (0.0, 0.25), description="fraction of a channel's darkness that is lost, drawn for each channel"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        black, white = draw.uniform(*self.black), draw.uniform(*self.white)
        bleach = draw.uniform(*self.bleach, 3).astype(np.float32)
        left = 1 - (1 - np.clip(image, 0, 1)) * (1 - bleach)
        made: Image = np.float32(black) + np.float32(white - black) * left
        return made
