"""Rain that falls on a clean photograph: streaks in layers of different distance, and a veil of drops too far to tell.

A falling drop crosses a pixel during a small part of the exposure, and shows the light of the whole sky meanwhile:
Garg and Nayar, "Vision and Rain" (IJCV 2007). A streak is therefore transparent, brighter than what is dark behind it
and hardly seen against the sky. Layers and the veil follow Yang et al., "Deep Joint Rain Detection and Removal from a
Single Image" (CVPR 2017), and the range of densities Zhang and Patel, "Density-aware Single Image De-raining using a
Multi-stream Dense Network" (CVPR 2018). Both add streaks to sRGB values; this composes in linear light, where exposures
add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, Probability, ordered
from restore.imaging.color import from_linear, to_linear

_Values = NDArray[np.float64]

# Size of the farthest layer's drops over that of the nearest layer's.
_FARTHEST = 0.3
# Standard deviation of a pixel's own blur; a streak that is narrower than a pixel becomes fainter instead.
_PIXEL = 0.4
# Drops oscillate while they fall, so a streak varies along its length: Garg and Nayar, "Photorealistic Rendering of
# Rain Streaks" (SIGGRAPH 2006).
_OSCILLATION = 0.35
# Fraction of a streak over which its ends fade.
_TAPER = 0.3

_Ordered = AfterValidator(ordered)
_Fractions = Annotated[tuple[Probability, Probability], _Ordered]
_Angle = Annotated[float, Field(ge=-80, le=80)]
_Length = Annotated[float, Field(ge=1, le=1000)]
_Width = Annotated[float, Field(ge=0.2, le=50)]
_Density = Annotated[float, Field(ge=0, le=100)]


class Rain(Degradation):
    """Rain; the defaults go from a drizzle to a downpour."""

    kind: Literal["rain"] = "rain"
    probability: Probability = Field(0.95, description="how often anything is done")
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)]], _Ordered] = Field(
        (2, 4), description="distances at which drops fall; farther ones are smaller and more"
    )
    density: Annotated[tuple[_Density, _Density], _Ordered] = Field(
        (0.5, 8.0), description="streaks of all layers over 1000 pixels"
    )
    angle: Annotated[tuple[_Angle, _Angle], _Ordered] = Field(
        (-30.0, 30.0), description="of the streaks from the vertical, degrees; above 0 they fall to the right"
    )
    spread: Annotated[float, Field(ge=0, le=45)] = Field(
        2.0, description="standard deviation of a single streak's angle, degrees"
    )
    length: Annotated[tuple[_Length, _Length], _Ordered] = Field(
        (20.0, 90.0), description="of the nearest streaks, pixels: how far a drop falls during the exposure"
    )
    width: Annotated[tuple[_Width, _Width], _Ordered] = Field((1.0, 3.0), description="of the nearest streaks, pixels")
    opacity: _Fractions = Field(
        (0.15, 0.6), description="of a streak in its middle: the part of the exposure that the drop is there"
    )
    light: _Fractions = Field((0.5, 1.0), description="of drops and veil, over white, in linear light: that of the sky")
    veil: _Fractions = Field((0.0, 0.3), description="opacity of the drops that are too far to be told apart")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return rain(image, self, draw)


def rain(image: Image, options: Rain, draw: np.random.Generator) -> Image:
    """A picture in the rain.

    The veil comes first, being the farthest, then the layers of streaks from far to near. Each covers a pixel by its
    opacity ``a``: ``light = (1 - a) * light + a * sky``.

    Args:
        image: float32 RGB (H, W, 3) on 0..1, sRGB.
        options: what may be drawn.
        draw: source of all randomness.

    Returns:
        The same shape and type, on 0..1.
    """
    height, width = image.shape[:2]
    level = draw.uniform(*options.light)
    # An overcast sky, a little colder than white or as white.
    sky = level * np.array([1 - draw.uniform(0, 0.08), 1 - draw.uniform(0, 0.03), 1], np.float32)
    heavy = draw.random()  # the more drops fall, the denser is the veil of those far away
    density = options.density[0] + heavy * (options.density[1] - options.density[0])
    veil = options.veil[0] + heavy * draw.random() * (options.veil[1] - options.veil[0])
    light = _covered(to_linear(np.clip(image, 0, 1)), _clouds(height, width, veil, draw), sky)
    for opacity in streaks(height, width, density, options, draw):
        light = _covered(light, opacity, sky)
    return from_linear(np.clip(light, 0, 1))


def streaks(height: int, width: int, density: float, options: Rain, draw: np.random.Generator) -> list[Image]:
    """The opacity of each layer of streaks, (height, width) on 0..1, the farthest layer first.

    Args:
        height: of the picture.
        width: of the picture.
        density: streaks of all layers over 1000 pixels.
        options: what may be drawn.
        draw: source of all randomness.
    """
    count = int(draw.integers(*options.layers, endpoint=True))
    sizes = np.geomspace(_FARTHEST, 1, count) if count > 1 else np.ones(1)
    # A camera sees more drops the farther they are, in proportion to the area that it sees there.
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
    """Streaks of a layer, an array (N,) for each property.

    Attributes:
        row: of the middle.
        column: of the middle.
        length: pixels.
        angle: from the vertical, radians.
        thick: full width at half of the opacity, pixels.
        opacity: in the middle, 0..1.
        wave: length of the oscillation over that of the streak.
        phase: of the oscillation, radians.
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
        """The numbers of the streaks that may reach into a picture."""
        down, right = np.cos(self.angle) * self.length / 2 + 9, np.abs(np.sin(self.angle)) * self.length / 2 + 9
        inside = (self.row > -down) & (self.row < height + down) & (self.column > -right)
        return [int(n) for n in np.flatnonzero(inside & (self.column < width + right))]


def _draw_streaks(height: int, width: int, density: float, length: float, draw: np.random.Generator) -> _Streaks:
    """Streaks on a picture and around it; angle, thickness and opacity relative to those of the layer."""
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
    """Draw a streak over a layer: a Gaussian across, with fading ends and the drop's oscillation along."""
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
    """Opacity of the veil, (height, width): it varies slowly, as drifting clouds of spray do."""
    import cv2

    clouds = draw.uniform(0.8, 1.2, (3, 3)).astype(np.float32)
    even = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_LINEAR)
    veil: Image = np.clip(opacity * even, 0, 1).astype(np.float32)
    return veil


def _covered(light: Image, opacity: Image, sky: Image) -> Image:
    covered: Image = light + opacity[..., None] * (sky - light)
    return covered
