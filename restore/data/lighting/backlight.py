"""Good photographs as they would be against the light: part of them in the shade, what is behind it too bright."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import Self

from restore.imaging.color import from_linear, to_linear

_Image = NDArray[np.float32]

# Levels of 255: darker is black; and what a low-key photograph reaches but for its brightest part.
_BLACK, _BRIGHT, _FEW_ABOVE = 16, 160, 0.995


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"a range goes from the smaller to the larger, not from {pair[0]} to {pair[1]}")
    return pair


_Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class Backlight(BaseModel):
    """What may be drawn; the defaults cover what a camera that exposes for the sky makes of a portrait."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stops: _Range = Field((1.0, 4.0), description="how far the shade lies below the photograph's light")
    glare: _Range = Field((0.0, 1.2), description="how far the rest lies above it; what passes white is lost")
    share: _Range = Field((0.25, 0.75), description="of the picture that lies in the shade")
    softness: _Range = Field((0.05, 0.3), description="width of the border of the shade, of its own contrast")
    dark_first: float = Field(0.85, ge=0, le=1, description="how far what is dark is in the shade, rather than chance")
    low_first: float = Field(0.3, ge=0, description="how far what is low is in the shade: light comes from the sky")
    cast: float = Field(0.08, ge=0, lt=1, description="most that a channel's light departs in the shade")
    least: float = Field(
        0.3, ge=0, lt=1, description="mean of a view that may be a target; a darker one is dark on purpose, perhaps"
    )
    untouched: float = Field(0.1, ge=0, le=1, description="chance that a photograph stays as it is: what is well lit")
    low_key: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of black from which a dark view with bright parts is dark on purpose and is shown as it is; "
        "null for never",
    )
    read_noise: _Range = Field((0.0, 0.002), description="deviation in the dark, of white's light")
    shot_noise: _Range = Field((0.0, 0.0004), description="variance over light")

    def model_post_init(self, _context: object) -> None:
        if not 0 <= self.share[0] <= self.share[1] <= 1:
            raise ValueError(f"share {list(self.share)}: between 0 and 1")

    @classmethod
    def plain(cls) -> Self:
        """Shade and glare alone, always: no noise, no cast."""
        return cls(cast=0, untouched=0, read_noise=(0, 0), shot_noise=(0, 0))


def well_lit(photo: NDArray[np.uint8], options: Backlight) -> bool:
    """Whether a photograph (H, W, 3) is bright enough to be what a dark one should be."""
    return float(photo.mean()) >= 255 * options.least


def low_key(photo: NDArray[np.uint8], options: Backlight) -> bool:
    """Whether a photograph (H, W, 3) is dark on purpose: much of it is black and what is bright is well exposed."""
    if options.low_key is None or well_lit(photo, options):
        return False
    light = photo.mean(axis=2)
    return bool((light < _BLACK).mean() >= options.low_key and np.quantile(light, _FEW_ABOVE) >= _BRIGHT)


def backlit(photo: NDArray[np.uint8], options: Backlight, draw: np.random.Generator) -> NDArray[np.uint8]:
    """A photograph against the light.

    In linear light: a soft-edged shade that follows the picture's own edges is darkened, coloured a little, and gets
    the noise that so little light has; the rest is brightened until it clips. Now and then nothing is done.

    Args:
        photo: uint8 RGB (H, W, 3), well exposed, sRGB.
        options: what may be drawn.
        draw: what all that is random comes from.

    Returns:
        The same shape and type.
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
    """Where the shade is, 0..1, (H, W): a few large blobs, dark things first, up to the picture's own edges.

    Args:
        values: RGB (H, W, 3) on 0..1.
        options: what may be drawn.
        draw: what all that is random comes from.
    """
    height, width = values.shape[:2]
    blobs = draw.standard_normal(tuple(draw.integers(3, 6, 2)), np.float32)
    field = _standard(cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC))
    grey = values.mean(axis=2)
    around = cv2.GaussianBlur(grey, (0, 0), max(0.5, min(height, width) / 40))
    field = (1 - options.dark_first) * field - options.dark_first * _standard(around)
    field += options.low_first * _standard(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    threshold = np.quantile(field, 1 - draw.uniform(*options.share))
    # The logistic function, by a form of it that does not overflow.
    mask = (1 + np.tanh((field - threshold) / (2 * draw.uniform(*options.softness)))) / 2
    return np.clip(guided_filter(mask.astype(np.float32), grey, max(1, min(height, width) // 24)), 0, 1)


def guided_filter(picture: _Image, guide: _Image, radius: int, epsilon: float = 1e-3) -> _Image:
    """Smooth a picture but for where the guide has edges.

    He, Sun and Tang, "Guided image filtering", ECCV 2010, one channel each.

    Args:
        picture: (H, W).
        guide: (H, W), 0..1.
        radius: of the window, pixels.
        epsilon: variance of the guide below which it counts as flat.
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
    """With mean 0 and deviation 1; flat stays flat."""
    standard: _Image = (x - x.mean()) / (x.std() + 1e-6)
    return standard
