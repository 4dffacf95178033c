"""Film grain: noise with a grain size, strongest in the midtones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, PositiveRange, Probability


class FilmGrain(Degradation):
    """Gaussian noise blurred to a grain size, weighted by ``4 v (1 - v)``; black and white stay clean."""

    kind: Literal["film-grain"] = "film-grain"
    sigma: NonNegativeRange = Field((3.0, 12.0), description="standard deviation at middle gray, in steps of 1/255")
    size: PositiveRange = Field((0.5, 1.2), description="standard deviation of a grain, pixels")
    gray_probability: Probability = Field(0.5, description="probability that the grain is the same in all channels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        import cv2

        sigma, size = draw.uniform(*self.sigma), draw.uniform(*self.size)
        channels = 1 if draw.random() < self.gray_probability else 3
        noise = draw.standard_normal((*image.shape[:2], channels), np.float32)
        tap = cv2.getGaussianKernel(2 * int(np.ceil(3 * size)) + 1, size)
        grain = cv2.sepFilter2D(noise, -1, tap, tap, borderType=cv2.BORDER_REFLECT).reshape(noise.shape)
        grain /= (tap**2).sum()  # the blur divides the deviation by this
        value = np.clip(image, 0, 1)
        made: Image = np.clip(image + np.float32(sigma / 255) * grain * 4 * value * (1 - value), 0, 1)
        return made
