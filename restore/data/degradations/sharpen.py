"""Excessive sharpening as by cameras and editors, with halos along edges."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, PositiveRange


class Sharpen(Degradation):
    """An unsharp mask: adds ``amount`` times the difference from a Gaussian blur."""

    kind: Literal["sharpen"] = "sharpen"
    amount: NonNegativeRange = Field((0.3, 1.5), description="strength")
    sigma: PositiveRange = Field((0.6, 1.8), description="standard deviation of the blur, pixels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        import cv2

        amount, sigma = draw.uniform(*self.amount), draw.uniform(*self.sigma)
        soft = cv2.GaussianBlur(image, (0, 0), sigma)
        made: Image = np.clip(image + np.float32(amount) * (image - soft), 0, 1)
        return made
