"""Synthetic rain: layers of streaks at different distances, and a veil of drops that are too far away to be distinct.

A falling drop covers a pixel for a small part of the exposure, and meanwhile shows the light of the whole sky:
Garg and Nayar, "Vision and Rain" (IJCV 2007). A streak is therefore transparent, brighter than a dark background, and
barely visible against the sky. Layers and veil follow Yang et al., "Deep Joint Rain Detection and Removal from a Single
Image" (CVPR 2017), and the range of densities follows Zhang and Patel, "Density-aware Single Image De-raining using a
Multi-stream Dense Network" (CVPR 2018). Both add streaks to sRGB values; this module composes in linear light, in which
exposures add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, Probability, ordered
from restore.imaging.color.conversions import from_linear, to_linear

_Values = NDArray[np.float64]

# Ratio of drop sizes in the farthest and the nearest layer.
_FARTHEST = 0.3
# Standard deviation of the blur of a pixel; streaks narrower than a pixel become fainter instead.
_PIXEL = 0.4
# Drops oscillate while they fall, so a streak varies along its length: Garg and Nayar, "Photorealistic Rendering of
# Rain Streaks" (SIGGRAPH 2006).
_OSCILLATION = 0.35
# Fraction of a streak's length over which its ends fade.
_TAPER = 0.3

_Ordered = AfterValidator(ordered)
_Fractions = Annotated[tuple[Probability, Probability], _Ordered]
_Angle = Annotated[float, Field(ge=-80, le=80)]
_Length = Annotated[float, Field(ge=1, le=1000)]
_Width = Annotated[float, Field(ge=0.2, le=50)]
_Density = Annotated[float, Field(ge=0, le=100)]


class Rain(Degradation):
    """Synthetic rain; the defaults range from drizzle to downpour."""

    kind: Literal["rain"] = "rain"
    probability: Probability = Field(0.95, description="probability that it is applied")
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)]], _Ordered] = Field(
        (2, 4), description="number of layers; farther ones have smaller and more drops"
    )
    density: Annotated[tuple[_Density, _Density], _Ordered] = Field(
        (0.5, 8.0), description="streaks of all layers per 1000 pixels"
    )
    angle: Annotated[tuple[_Angle, _Angle], _Ordered] = Field(
        (-30.0, 30.0), description="angle of the streaks from vertical, degrees; positive ones fall to the right"
    )
    spread: Annotated[float, Field(ge=0, le=45)] = Field(
        2.0, description="standard deviation of the angle of single streaks, degrees"
    )
    length: Annotated[tuple[_Length, _Length], _Ordered] = Field(
        (20.0, 90.0), description="length of the nearest streaks, pixels: the distance a drop falls during the exposure"
    )
    width: Annotated[tuple[_Width, _Width], _Ordered] = Field(
        (1.0, 3.0), description="width of the nearest streaks, pixels"
    )
    opacity: _Fractions = Field(
        (0.15, 0.6),
        description="opacity in the middle of a streak: the fraction of the exposure in which the drop is there",
    )
    light: _Fractions = Field(
        (0.5, 1.0), description="brightness of drops and veil, that of the sky, as a fraction of white in linear light"
    )
    veil: _Fractions = Field(
        (0.0, 0.3), description="opacity of the veil of drops that are too far away to be distinct"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return rain(image, self, draw)


def rain(image: Image, options: Rain, draw: np.random.Generator) -> Image:
    """Add rain to a picture.

    The veil comes first because it is farthest away, then the layers of streaks from far to near. Each covers a pixel
    with its opacity ``a``: ``light = (1 - a) * light + a * sky``.

    Args:
        image: float32 sRGB (H, W, 3) on 0..1.
        options: ranges to draw from.
        draw: source of all randomness.

    Returns:
        An array of the same shape and type, on 0..1.
    """
    height, width = image.shape[:2]
    level = draw.uniform(*options.light)
    # An overcast sky, neutral or slightly bluish.
    sky = level * np.array([1 - draw.uniform(0, 0.08), 1 - draw.uniform(0, 0.03), 1], np.float32)
    heavy = draw.random()  # heavier rain has a denser veil
    density = options.density[0] + heavy * (options.density[1] - options.density[0])
    veil = options.veil[0] + heavy * draw.random() * (options.veil[1] - options.veil[0])
    light = _covered(to_linear(np.clip(image, 0, 1)), _clouds(height, width, veil, draw), sky)
    for opacity in streaks(height, width, density, options, draw):
        light = _covered(light, opacity, sky)
    return from_linear(np.clip(light, 0, 1))


def streaks(height: int, width: int, density: float, options: Rain, draw: np.random.Generator) -> list[Image]:
    """The opacity of each layer of streaks, (height, width) on 0..1, the farthest layer first.

    Args:
        height: height of the picture.
        width: width of the picture.
        density: streaks of all layers per 1000 pixels.
        options: ranges to draw from.
        draw: source of all randomness.
    """
    count = int(draw.integers(*options.layers, endpoint=True))
    sizes = np.geomspace(_FARTHEST, 1, count) if count > 1 else np.ones(1)
    # A camera sees more drops at a larger distance, in proportion to the area in view there.
    shares = sizes**-2 / (sizes**-2).sum()
    angle, length, thick, opacity = (
        draw.uniform(*pair) for pair in (options.angle, options.length, options.width, options.opacity)
    )
    layers = []
    for size, share in zip(sizes, shares, strict=True):
        found = _draw_streaks(height, width, density * share, size * length, draw)
        found.angle = np.deg2rad(angle + options.spread * found.angle)
        found.thick *= size * thick
        found.opacity = np.minimum(1, found.opacity * opacity)
        layer = np.zeros((height, width), np.float32)
        for number in found.hits(height, width):
            _add_streak(layer, found, number)
        layers.append(layer)
    return layers


@dataclass
class _Streaks:
    """Streaks of a layer, with an array (N,) for each property.

    Attributes:
        row: row of the center.
        column: column of the center.
        length: pixels.
        angle: angle from vertical, radians.
        thick: full width at half of the opacity, pixels.
        opacity: opacity in the center, 0..1.
        wave: wavelength of the oscillation as a fraction of the length.
        phase: phase of the oscillation, radians.
    """

    row: _Values
    column: _Values
    length: _Values
    angle: _Values
    thick: _Values
    opacity: _Values
    wave: _Values
    phase: _Values

    def hits(self, height: int, width: int) -> list[int]:
        """Indices of the streaks that may overlap the picture."""
        down, right = np.cos(self.angle) * self.length / 2 + 9, np.abs(np.sin(self.angle)) * self.length / 2 + 9
        inside = (self.row > -down) & (self.row < height + down) & (self.column > -right)
        return [int(n) for n in np.flatnonzero(inside & (self.column < width + right))]


def _draw_streaks(height: int, width: int, density: float, length: float, draw: np.random.Generator) -> _Streaks:
    """Draw streaks on and around a picture; angle, thickness and opacity are relative to those of the layer."""
    margin = length
    number = draw.poisson(density * (height + 2 * margin) * (width + 2 * margin) / 1000)
    return _Streaks(
        row=draw.uniform(-margin, height + margin, number),
        column=draw.uniform(-margin, width + margin, number),
        length=length * draw.lognormal(0, 0.3, number),
        angle=draw.standard_normal(number),
        thick=draw.lognormal(0, 0.25, number),
        opacity=draw.lognormal(0, 0.4, number),
        wave=draw.uniform(0.2, 0.6, number),
        phase=draw.uniform(0, 2 * np.pi, number),
    )


def _add_streak(layer: Image, one: _Streaks, number: int) -> None:
    """Draw a streak on a layer: a Gaussian profile across; fading ends and an oscillation along its length."""
    length, thick, angle = one.length[number], one.thick[number], one.angle[number]
    down, right = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    sigma = np.float32(np.hypot(thick / 2.355, _PIXEL))
    half = length / 2 * down + 3 * sigma, length / 2 * abs(right) + 3 * sigma
    center = one.row[number], one.column[number]
    (top, bottom), (left, end) = (
        (max(0, int(c - h)), min(n, int(c + h) + 2)) for c, h, n in zip(center, half, layer.shape, strict=True)
    )
    if top >= bottom or left >= end:
        return
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(center[0])
    x = np.arange(left, end, dtype=np.float32)[None] - np.float32(center[1])
    along, across = (y * down + x * right) / np.float32(length), x * down - y * right
    ends = np.clip((0.5 - np.abs(along)) / _TAPER, 0, 1)
    body = ends * ends * (3 - 2 * ends) * np.exp(-0.5 * (across / sigma) ** 2)
    turns = np.float32(2 * np.pi / one.wave[number]) * along + np.float32(one.phase[number])
    body *= 1 - _OSCILLATION / 2 * (1 + np.cos(turns))
    part = layer[top:bottom, left:end]
    part += (1 - part) * np.float32(one.opacity[number] * thick / 2.355 / sigma) * body


def _clouds(height: int, width: int, opacity: float, draw: np.random.Generator) -> Image:
    """Opacity of the veil, (height, width), which varies slowly like drifting spray."""
    import cv2

    clouds = draw.uniform(0.8, 1.2, (3, 3)).astype(np.float32)
    even = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_LINEAR)
    veil: Image = np.clip(opacity * even, 0, 1).astype(np.float32)
    return veil


def _covered(light: Image, opacity: Image, sky: Image) -> Image:
    covered: Image = light + opacity[..., None] * (sky - light)
    return covered
