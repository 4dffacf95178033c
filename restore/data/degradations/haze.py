"""Synthetic haze: light scattered on its way to the camera, more of it the farther away something is.

Koschmieder's law, as in Narasimhan and Nayar, "Vision and the Atmosphere" (IJCV 2002): of the light J of an object at a
distance d, the fraction t = exp(-beta d) arrives, and the air adds 1 - t of its own light A. The law holds for light,
so this module computes in linear light; RESIDE (Li et al., TIP 2019) and others apply it to sRGB values.

A photograph has no map of depth, so one is made up from what most outdoor pictures share: a ground that recedes toward
a horizon, objects in front of it, and whatever else varies smoothly.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Fraction, FractionRange, Image, Probability, ordered
from restore.data.degradations.fields import guided, segments, sky, smooth_field
from restore.imaging.color.conversions import from_linear, to_linear

_Count = Annotated[int, Field(ge=0, le=64)]
_Tint = Annotated[float, Field(ge=-0.5, le=0.5)]


class Haze(Degradation):
    """Synthetic haze; the defaults range from a hint of it to fog."""

    kind: Literal["haze"] = "haze"
    probability: Probability = Field(0.95, description="probability that it is applied")
    transmission: Annotated[tuple[Fraction, Fraction], AfterValidator(ordered)] = Field(
        (0.1, 0.75), description="fraction of the light that arrives from the farthest point of the scene"
    )
    light: FractionRange = Field(
        (0.35, 0.95), description="brightness of the air, as a fraction of white in linear light"
    )
    tint: Annotated[tuple[_Tint, _Tint], AfterValidator(ordered)] = Field(
        (-0.08, 0.15), description="color of the air, by how much blue exceeds red; above 0 is bluish, below warm"
    )
    ramp: Annotated[float, Field(ge=0)] = Field(1.0, description="weight of the ground that recedes in the depth")
    objects: Annotated[float, Field(ge=0)] = Field(0.6, description="weight of objects in the depth")
    smooth: Annotated[float, Field(ge=0)] = Field(0.5, description="weight of a smooth field in the depth")
    count: Annotated[tuple[_Count, _Count], AfterValidator(ordered)] = Field((3, 24), description="number of objects")
    patchy: Probability = Field(0.3, description="probability that the haze itself varies, like drifting fog")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        clean = np.clip(image, 0, 1)
        farthest = draw.uniform(*self.transmission)
        air = air_light(self, draw)
        depth = scene_depth(clean, self, draw)
        if draw.random() < self.patchy:
            depth = depth * (0.4 + 0.6 * smooth_field(depth.shape[0], depth.shape[1], int(draw.integers(2, 5)), draw))
        transmission = np.float32(farthest) ** depth
        return from_linear(np.clip(scattered(to_linear(clean), transmission, air), 0, 1))


def scattered(light: Image, transmission: Image, air: Image) -> Image:
    """What arrives: ``t J + (1 - t) A``.

    Args:
        light: linear light J (H, W, 3).
        transmission: t (H, W) on 0..1.
        air: A (3,), linear light.
    """
    arrived: Image = air + transmission[..., None] * (light - air)
    return arrived


def air_light(options: Haze, draw: np.random.Generator) -> Image:
    """The color of the air (3,), linear light: gray, or slightly blue or warm; its mean is the brightness drawn."""
    level, tint = draw.uniform(*options.light), draw.uniform(*options.tint)
    green = draw.uniform(-0.25, 0.25) * abs(tint)
    color = np.array([1 - tint / 2, 1 + green, 1 + tint / 2])
    air: Image = np.clip(level * color / color.mean(), 0, 1).astype(np.float32)
    return air


def scene_depth(image: Image, options: Haze, draw: np.random.Generator) -> Image:
    """A made-up distance of each pixel, (H, W) on 0..1, in units of the farthest.

    The ramp is that of a plane seen from above it: 1 / (distance below the horizon), cut off. Objects stand at one
    distance each, and what looks like sky is the farthest. All of it follows the edges of the picture.

    Args:
        image: float32 sRGB (H, W, 3) on 0..1.
        options: weights to mix, and the number of objects.
        draw: source of all randomness.
    """
    height, width = image.shape[:2]
    horizon = draw.uniform(-0.3, 0.6)
    nearest = draw.uniform(0.05, 0.5)
    below = (np.arange(height, dtype=np.float32) + 0.5) / height - np.float32(horizon)
    ground = np.where(below > nearest / 4, (nearest / 4) / np.maximum(below, 1e-6), 1).astype(np.float32)
    slant = draw.uniform(-0.15, 0.15)
    across = 1 + slant * np.linspace(-1, 1, width, dtype=np.float32)
    ramp = np.clip(ground[:, None] * across, 0, 1).astype(np.float32)
    shares = draw.dirichlet([1.0, 1.0, 1.0]) * [options.ramp, options.objects, options.smooth]
    total = shares.sum()
    if total == 0:
        return np.ones((height, width), np.float32)
    regions = segments(image, max(1, int(draw.integers(*options.count, endpoint=True))), draw)
    # Each object stands on the ground: at the distance of some row of it.
    distances = np.interp(draw.uniform(0, 1, regions.max() + 1), np.linspace(0, 1, height), np.sort(ground))
    standing = distances.astype(np.float32)[regions]
    field = smooth_field(height, width, int(draw.integers(1, 4)), draw)
    depth = (shares[0] * ramp + shares[1] * standing + shares[2] * field).astype(np.float32) / np.float32(total)
    depth = guided(depth, image, max(2, round(0.03 * max(height, width))))
    above = sky(image)
    depth = depth + above * (1 - depth)
    farthest = depth.max()
    scaled: Image = (depth / farthest if farthest > 0 else np.ones_like(depth)).astype(np.float32)
    return scaled
