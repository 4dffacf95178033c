"""Motion blur from camera movement during the exposure."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, PositiveRange
from restore.data.degradations.blur import blur
from restore.imaging.color.conversions import from_linear, to_linear


class MotionBlur(Degradation):
    """Blur along a curved camera path, computed in linear light, so that bright points leave bright traces.

    A simplification of the random trajectories of Boracchi and Foi, "Modeling the performance of image restoration
    from motion blur", TIP 2012, with constant speed and a random turn.
    """

    kind: Literal["motion-blur"] = "motion-blur"
    length: PositiveRange = Field((2.0, 15.0), description="length of the path, pixels of the picture it is applied to")
    curvature: NonNegativeRange = Field((0.0, 1.5), description="total angle by which the path turns, radians")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        turn = draw.uniform(*self.curvature) * draw.choice((-1.0, 1.0))
        kernel = path_kernel(draw.uniform(*self.length), draw.uniform(0, 2 * math.pi), turn)
        light = blur(to_linear(np.clip(image, 0, 1)), kernel)
        return from_linear(np.clip(light, 0, 1))


def path_kernel(length: float, angle: float, turn: float) -> NDArray[np.float64]:
    """The trace of a point that moves along an arc at constant speed.

    Args:
        length: length of the arc, pixels.
        angle: direction in the middle of the arc, radians.
        turn: change of direction from end to end, radians; 0 for a straight line.

    Returns:
        float64 (size, size) with odd size and sum 1; its centroid is the center, so that nothing is shifted.
    """
    count = max(2, math.ceil(8 * length))
    headings = angle + turn * (np.arange(count) + 0.5 - count / 2) / count
    steps = np.stack([np.sin(headings), np.cos(headings)]) * length / count
    places = np.cumsum(steps, axis=1) - steps / 2
    places -= places.mean(axis=1, keepdims=True)
    half = math.ceil(np.abs(places).max()) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    low = np.floor(places).astype(int)
    share = places - low
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - share[0]) * np.abs(1 - right - share[1])
            np.add.at(kernel, (low[0] + half + down, low[1] + half + right), weight)
    return kernel / count
