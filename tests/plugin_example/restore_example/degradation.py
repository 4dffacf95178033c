"""Color fringes."""

from __future__ import annotations

from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, ordered


class Fringes(Degradation):
    """Lateral chromatic aberration: red is drawn larger than green, blue smaller, about the middle of the picture."""

    kind: Literal["example-fringes"] = "example-fringes"
    share: Annotated[tuple[float, float], AfterValidator(ordered)] = Field(
        (0.0, 0.004), description="how much larger and smaller"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        share = draw.uniform(*self.share)
        height, width = image.shape[:2]
        made = image.copy()
        for channel, factor in ((0, 1 + share), (2, 1 - share)):
            matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, factor)
            plane = np.ascontiguousarray(image[..., channel])
            made[..., channel] = cv2.warpAffine(plane, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return made
