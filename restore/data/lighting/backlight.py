"""Synthetic backlight: part of a good photograph gets dark, and the rest too bright."""

from __future__ import annotations

from typing import Annotated, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from restore.imaging.color.conversions import from_linear, to_linear

_Image = NDArray[np.float32]

# On 0..255: level below which a pixel counts as black; and minimum value of a low-key photograph at the next quantile.
_BLACK, _BRIGHT, _FEW_ABOVE = 16, 160, 0.995


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"a range goes from the smaller to the larger, not from {pair[0]} to {pair[1]}")
    return pair


_Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class Backlight(BaseModel):
    """Options of synthetic backlight; the defaults cover portraits by a camera that exposes for the sky."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stops: _Range = Field((1.0, 4.0), description="how much darker the shade gets, stops")
    glare: _Range = Field((0.0, 1.2), description="how much brighter the rest gets, stops; highlights clip")
    share: _Range = Field((0.25, 0.75), description="fraction of the picture in the shade")
    softness: _Range = Field(
        (0.05, 0.3), description="softness of the edge of the shade, relative to the contrast of its random field"
    )
    dark_first: float = Field(
        0.85, ge=0, le=1, description="weight of darkness against chance in the choice of the shade"
    )
    low_first: float = Field(
        0.3, ge=0, description="weight of low position in the choice of the shade, as light comes from the sky"
    )
    cast: float = Field(0.08, ge=0, lt=1, description="largest relative change of a channel in the shade")
    least: float = Field(
        0.3, ge=0, lt=1, description="smallest mean of a target on 0..1; darker views may be dark on purpose"
    )
    untouched: float = Field(0.1, ge=0, le=1, description="probability that a well-lit photograph stays unchanged")
    low_key: float | None = Field(
        None,
        ge=0,
        le=1,
        description="fraction of black pixels from which a dark view with bright parts counts as dark on purpose and "
        "stays unchanged; null for never",
    )
    read_noise: _Range = Field(
        (0.0, 0.002), description="standard deviation of noise in the dark, as a fraction of white"
    )
    shot_noise: _Range = Field((0.0, 0.0004), description="variance of noise per unit of light")

    def model_post_init(self, _context: object) -> None:
        if not 0 <= self.share[0] <= self.share[1] <= 1:
            raise ValueError(f"share must be between 0 and 1, not {list(self.share)}")

    @classmethod
    def plain(cls) -> Self:
        """Options with only shade and glare: no noise, no cast, and never untouched."""
        return cls(cast=0, untouched=0, read_noise=(0, 0), shot_noise=(0, 0))


def well_lit(photo: NDArray[np.uint8], options: Backlight) -> bool:
    """Whether a photograph (H, W, 3) is bright enough to be a target."""
    return float(photo.mean()) >= 255 * options.least


def low_key(photo: NDArray[np.uint8], options: Backlight) -> bool:
    """Whether a photograph (H, W, 3) is dark on purpose: much of it is black, and its bright parts are well exposed."""
    if options.low_key is None or well_lit(photo, options):
        return False
    light = photo.mean(axis=2)
    return bool((light < _BLACK).mean() >= options.low_key and np.quantile(light, _FEW_ABOVE) >= _BRIGHT)


def backlit(photo: NDArray[np.uint8], options: Backlight, draw: np.random.Generator) -> NDArray[np.uint8]:
    """Simulate backlight.

    In linear light, a soft-edged shade that follows the picture's edges gets darker, with a slight color cast and the
    noise of low light; the rest gets brighter and may clip. Some photographs stay unchanged.

    Args:
        photo: uint8 sRGB (H, W, 3), well exposed.
        options: ranges to draw from.
        draw: source of all randomness.

    Returns:
        An array of the same shape and type.
    """
    if options.untouched and draw.random() < options.untouched:
        return photo.copy()
    values: _Image = (photo / 255).astype(np.float32)
    stops, glare = draw.uniform(*options.stops), draw.uniform(*options.glare)
    mask = shade(values, options, draw)[..., None]
    light = to_linear(values) * np.exp2(glare - (glare + stops) * mask).astype(np.float32)
    light *= 1 + mask * draw.uniform(-options.cast, options.cast, 3).astype(np.float32)
    read, shot = draw.uniform(*options.read_noise), draw.uniform(*options.shot_noise)
    if read or shot:
        deviation = np.sqrt(read**2 + shot * np.maximum(light, 0)).astype(np.float32)
        light += deviation * draw.standard_normal(light.shape, np.float32)
    result: NDArray[np.uint8] = np.round(255 * from_linear(np.clip(light, 0, 1))).astype(np.uint8)
    return result


def shade(values: _Image, options: Backlight, draw: np.random.Generator) -> _Image:
    """Draw a mask of the shade, (H, W) on 0..1: a few large blobs that prefer dark areas and end at edges.

    Args:
        values: RGB (H, W, 3) on 0..1.
        options: ranges to draw from.
        draw: source of all randomness.
    """
    height, width = values.shape[:2]
    blobs = draw.standard_normal(tuple(draw.integers(3, 6, 2)), np.float32)
    field = _standard(cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC))
    gray = values.mean(axis=2)
    around = cv2.GaussianBlur(gray, (0, 0), max(0.5, min(height, width) / 40))
    field = (1 - options.dark_first) * field - options.dark_first * _standard(around)
    field += options.low_first * _standard(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    threshold = np.quantile(field, 1 - draw.uniform(*options.share))
    # The logistic function, in a form that does not overflow.
    mask = (1 + np.tanh((field - threshold) / (2 * draw.uniform(*options.softness)))) / 2
    return np.clip(guided_filter(mask.astype(np.float32), gray, max(1, min(height, width) // 24)), 0, 1)


def guided_filter(picture: _Image, guide: _Image, radius: int, epsilon: float = 1e-3) -> _Image:
    """Smooth a picture except at edges of the guide.

    He, Sun and Tang, "Guided image filtering", ECCV 2010, for single-channel picture and guide.

    Args:
        picture: (H, W).
        guide: (H, W) on 0..1.
        radius: radius of the window, pixels.
        epsilon: variance below which the guide counts as flat.
    """

    def mean(x: _Image) -> _Image:
        side = 2 * radius + 1
        averaged: _Image = cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT)
        return averaged

    level, average = mean(guide), mean(picture)
    variance = mean(guide * guide) - level * level
    slope: _Image = ((mean(guide * picture) - level * average) / (variance + epsilon)).astype(np.float32)
    return mean(slope) * guide + mean(average - slope * level)


def _standard(x: _Image) -> _Image:
    """Normalize to mean 0 and standard deviation 1; constants become 0."""
    standard: _Image = (x - x.mean()) / (x.std() + 1e-6)
    return standard
