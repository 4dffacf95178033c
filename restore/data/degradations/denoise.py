"""Denoising like that of phones, which removes fine texture along with the noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, PositiveRange


class Denoise(Degradation):
    """A bilateral filter: edges stay, weak texture is smeared.

    Tomasi and Manduchi, "Bilateral filtering for gray and color images", ICCV 1998.
    """

    kind: Literal["denoise"] = "denoise"
    range: PositiveRange = Field((6.0, 30.0), description="differences that are smoothed, in steps of 1/255")
    sigma: PositiveRange = Field((1.0, 2.5), description="standard deviation in space, pixels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        import cv2

        strength, sigma = draw.uniform(*self.range) / 255, draw.uniform(*self.sigma)
        diameter = 2 * int(np.ceil(2 * sigma)) + 1
        return np.asarray(cv2.bilateralFilter(image, diameter, strength, sigma), np.float32)
