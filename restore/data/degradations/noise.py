"""Random Gaussian or Poisson noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, Probability
from restore.data.degradations.gaussian_noise import gaussian_noise
from restore.data.degradations.poisson_noise import poisson_noise


class Noise(Degradation):
    """Gaussian or Poisson noise."""

    gaussian_probability: Probability = Field(0.5, description="probability of Gaussian noise; otherwise Poisson")
    sigma: NonNegativeRange = Field((1.0, 30.0), description="standard deviation of Gaussian noise, in steps of 1/255")
    poisson_scale: NonNegativeRange = Field(
        (0.05, 3.0), description="strength of Poisson noise; 1 means 256 photons at white"
    )
    grey_probability: Probability = Field(0.4, description="probability that the noise is the same in all channels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        gaussian = draw.random() < self.gaussian_probability
        gray = draw.random() < self.grey_probability
        if gaussian:
            return gaussian_noise(image, draw.uniform(*self.sigma), gray, draw)
        return poisson_noise(image, draw.uniform(*self.poisson_scale), gray, draw)


class NoiseStep(Noise):
    """Gaussian or Poisson noise as a separate step."""

    kind: Literal["noise"] = "noise"
