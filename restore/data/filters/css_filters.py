"""Filters that pilgram lacks or gets wrong.

Amaro, Hefe and Sutro follow instagram.css, Aden and Xpro2 follow CSSgram. Each blends a layer with the picture and then
applies CSS filter functions to both, because the layer is an element inside the filtered one. pilgram 2.0 rotates the
mask of Aden's layer by a right angle, which leaves a seam in all pictures that are not square, and its gradient for
Xpro2 differs from CSS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pilgram import css, util

from restore.data.filters.filter import Filter

Floats = NDArray[np.float64]


def aden(picture: Image.Image) -> Image.Image:
    """Pale, with a dark red that fades to the right; RGB to RGB."""
    layer = css.blending.darken(picture, util.fill(picture.size, (66, 10, 14)))
    mask = np.linspace(0.2 * 255, 0, picture.width).round().astype(np.uint8)
    mixed = Image.composite(layer, picture, Image.fromarray(np.tile(mask, (picture.height, 1))))
    return css.brightness(css.saturate(css.contrast(css.hue_rotate(mixed, -20), 0.9), 0.85), 1.2)


def amaro(picture: Image.Image) -> Image.Image:
    """Warm and bright; RGB to RGB."""
    layered = css.blending.overlay(picture, util.fill(picture.size, (125, 105, 24, 0.2)))
    return css.saturate(css.brightness(css.contrast(css.sepia(layered, 0.35), 1.1), 1.2), 1.3)


def hefe(picture: Image.Image) -> Image.Image:
    """High contrast and warm, darker toward the corners; RGB to RGB."""
    layered = _vignette(picture, [0, 1], [0, 0.25])
    toned = css.saturate(css.brightness(css.contrast(css.sepia(layered, 0.4), 1.5), 1.2), 1.4)
    return css.hue_rotate(toned, -10)


def sutro(picture: Image.Image) -> Image.Image:
    """Sepia, with dark corners; RGB to RGB."""
    layered = _vignette(picture, [0.5, 0.9], [0, 0.5])
    toned = css.saturate(css.brightness(css.contrast(css.sepia(layered, 0.4), 1.2), 0.9), 1.4)
    return css.hue_rotate(toned, -10)


def xpro2(picture: Image.Image) -> Image.Image:
    """Color burn with blue toward the corners; RGB to RGB."""
    middle, corner = np.array([230, 231, 224]) / 255, np.array([43, 42, 161]) / 255

    def burn(pixels: Floats, distance: Floats) -> Floats:
        share = np.clip((distance - 0.4) / 0.7, 0, 1)
        opacity = 1 - 0.4 * share
        color = ((1 - share) * middle + 0.6 * share * corner) / opacity  # CSS interpolates premultiplied colors
        burned: Floats = (1 - opacity) * pixels + opacity * (1 - np.minimum(1, (1 - pixels) / color))
        return burned

    return css.sepia(_by_distance(picture, burn), 0.3)


def _vignette(picture: Image.Image, stops: Sequence[float], opacities: Sequence[float]) -> Image.Image:
    """Blend a picture with black by "multiply" or "darken", which are the same for black.

    Args:
        picture: RGB picture.
        stops: distances from the center, as fractions of the distance to a corner.
        opacities: opacity of black at each stop.
    """
    return _by_distance(picture, lambda pixels, distance: pixels * (1 - np.interp(distance, stops, opacities)))


def _by_distance(picture: Image.Image, change: Callable[[Floats, Floats], Floats]) -> Image.Image:
    """Apply a function of color and distance from the center to a picture.

    Args:
        picture: RGB picture.
        change: function of RGB on 0..1, (H, W, 3), and of the distance from the center as a fraction of the distance to
            a corner, (H, W, 1); returns RGB.
    """
    x, y = ((np.arange(n) + 0.5 - n / 2) for n in picture.size)
    pixels = np.array(picture)
    for row in range(0, len(pixels), 256):  # in blocks, as large pictures take much memory in float64
        part = slice(row, row + 256)
        distance = np.hypot(x, y[part, None]) / (np.hypot(*picture.size) / 2)
        pixels[part] = np.round(255 * change(pixels[part] / 255, distance[..., None]))
    return Image.fromarray(pixels)


CSS_FILTERS = (
    Filter("aden", aden),
    Filter("amaro", amaro),
    Filter("hefe", hefe),
    Filter("sutro", sutro),
    Filter("xpro2", xpro2),
)
