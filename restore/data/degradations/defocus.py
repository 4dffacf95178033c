"""A photograph out of focus: every point of the scene becomes a disc of light."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, PositiveRange
from restore.data.degradations.blur import blur
from restore.data.degradations.highlights import brightened
from restore.imaging.color.conversions import from_linear

# Samples along each side of a pixel, to measure how much of it a disc covers.
_SAMPLES = 16


class Defocus(Degradation):
    """Blur by a lens that focuses at another distance, computed in linear light.

    Geometrical optics: with a round aperture, a point is imaged as a uniformly bright disc, the circle of confusion
    (Potmesil and Chakravarty, "A lens and aperture camera model for synthetic image generation", SIGGRAPH 1981). The
    whole picture lies at one distance.
    """

    kind: Literal["defocus"] = "defocus"
    radius: PositiveRange = Field((0.5, 4.0), description="radius of the circle of confusion, pixels")
    highlights: NonNegativeRange = Field(
        (1.0, 2.5), description="light of clipped highlights, which become bright discs, in units of white; 1 for none"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        light = brightened(np.clip(image, 0, 1), max(1.0, draw.uniform(*self.highlights)))
        return from_linear(np.clip(blur(light, disc_kernel(draw.uniform(*self.radius))), 0, 1))


def disc_kernel(radius: float) -> NDArray[np.float64]:
    """A disc around the middle pixel, with pixels on its edge weighted by how much of them it covers.

    Args:
        radius: pixels, above 0.

    Returns:
        float64 (size, size) with odd size and sum 1.
    """
    half = math.ceil(radius - 0.5)
    places = (np.arange((2 * half + 1) * _SAMPLES) + 0.5) / _SAMPLES - half - 0.5
    inside = np.hypot(*np.meshgrid(places, places)) <= radius
    covered = inside.reshape(2 * half + 1, _SAMPLES, 2 * half + 1, _SAMPLES).mean(axis=(1, 3))
    return np.asarray(covered / covered.sum(), np.float64)
