"""Noise of a camera: that of photons and electronics behind a mosaic of color filters, developed and compressed.

Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data" (TIP 2008), for the
sensor. Each pixel of it sees one color; the others are interpolated, which makes the noise of neighbors alike: coarse,
and colored. White balance and the color matrix of the camera amplify it, most in red and blue. Brooks et al.,
"Unprocessing images for learned raw denoising" (CVPR 2019), have the ranges of gains; theirs is a network for raw data.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, Percent, Probability, Share, ordered
from restore.data.degradations.jpeg import jpeg
from restore.imaging.color.conversions import from_linear, to_linear

_Gain = Annotated[float, Field(ge=1, le=4)]

# Bilinear demosaicing of a Bayer pattern: green has twice as many pixels as red or blue.
_GREEN = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_RED_BLUE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


class SensorNoise(Degradation):
    """Noise of a small camera; the defaults range from daylight to a dark room."""

    kind: Literal["sensor-noise"] = "sensor-noise"
    probability: Probability = Field(0.95, description="probability that it is applied")
    photons: NonNegativeRange = Field(
        (0.0005, 0.05), description="variance of photon noise at white, in linear light: the inverse of the photons"
    )
    electronics: NonNegativeRange = Field(
        (0.0, 0.02), description="standard deviation of the noise of the electronics, as a fraction of white"
    )
    gain: Annotated[tuple[_Gain, _Gain], AfterValidator(ordered)] = Field(
        (1.2, 2.4), description="white balance, the amplification of red and of blue"
    )
    matrix: Annotated[tuple[Probability, Probability], AfterValidator(ordered)] = Field(
        (0.0, 0.35), description="how much the camera's color matrix subtracts of each other channel"
    )
    demosaic: Probability = Field(0.9, description="probability of a color mosaic; otherwise each pixel has all colors")
    smear: NonNegativeRange = Field((0.0, 0.6), description="blur of the noise, as by a lens correction, pixels")
    jpeg_probability: Probability = Field(0.6, description="probability of JPEG compression after it")
    quality: Annotated[tuple[Percent, Percent], AfterValidator(ordered)] = Field(
        (60, 97), description="libjpeg quality, 1..100"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        clean = np.clip(image, 0, 1)
        light = to_linear(clean)
        made = from_linear(np.clip(light + noise_of(light, self, draw), 0, 1))
        if draw.random() < self.jpeg_probability:
            made = jpeg(made, int(draw.integers(*self.quality, endpoint=True)))
        return made


def noise_of(light: Image, options: SensorNoise, draw: np.random.Generator) -> Image:
    """Noise (H, W, 3) to be added to linear light.

    Everything between sensor and picture is linear here, so the noise can be developed apart from the photograph, which
    has been through a camera already.

    Args:
        light: linear light (H, W, 3) on 0..1.
        options: ranges to draw from.
        draw: source of all randomness.
    """
    import cv2

    # Log-uniform: most pictures are taken in good light.
    photons, electronics = (_log_uniform(pair, draw) for pair in (options.photons, options.electronics))
    gains = np.array([draw.uniform(*options.gain), 1, draw.uniform(*options.gain)], np.float32)
    raw = light / gains
    shot = np.sqrt(np.float32(photons) * raw)
    noise = draw.standard_normal(light.shape, np.float32) * np.sqrt(shot**2 + np.float32(electronics) ** 2)
    if draw.random() < options.demosaic:
        noise = demosaiced(noise, int(draw.integers(4)))
    share = draw.uniform(*options.matrix)
    matrix = (1 + 3 * share) * np.eye(3, dtype=np.float32) - np.float32(share)
    noise = (noise * gains) @ matrix.astype(np.float32).T
    smear = draw.uniform(*options.smear)
    if smear > 0.1:
        noise = cv2.GaussianBlur(noise, (0, 0), smear, borderType=cv2.BORDER_REFLECT)
    made: Image = noise.astype(np.float32)
    return made


def demosaiced(values: Image, phase: int) -> Image:
    """What is left of three full channels (H, W, 3) after a Bayer mosaic and bilinear interpolation.

    Args:
        values: float32.
        phase: which of the four positions of the pattern is the first pixel, 0..3; 0 is RGGB.
    """
    import cv2

    rows, columns = np.indices(values.shape[:2])
    rows, columns = (rows + phase // 2) % 2, (columns + phase % 2) % 2
    masks = [(rows == 0) & (columns == 0), rows != columns, (rows == 1) & (columns == 1)]
    made = np.empty_like(values)
    for channel, (mask, kernel) in enumerate(zip(masks, (_RED_BLUE, _GREEN, _RED_BLUE), strict=True)):
        seen = np.where(mask, values[..., channel], np.float32(0))
        made[..., channel] = cv2.filter2D(seen, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return made


def _log_uniform(pair: tuple[Share, Share], draw: np.random.Generator) -> float:
    """Log-uniform; uniform if the range begins at 0."""
    low, high = pair
    if low == 0:
        return draw.uniform(low, high)
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))
