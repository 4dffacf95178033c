"""Filters that pilgram lacks, or gets wrong.

Amaro, Hefe and Sutro as instagram.css defines them: CSS filter functions, then a layer over the result. Aden as
CSSgram defines it, with its layer below the filter functions; pilgram 2.0 turns the mask of the layer by a right angle,
which leaves a seam in every picture that is not square.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from pilgram import css, util


def aden(picture: Image.Image) -> Image.Image:
    """Pale, with a dark red that fades to the right; RGB to RGB."""
    layer = css.blending.darken(picture, util.fill(picture.size, (66, 10, 14)))
    mask = np.linspace(0.2 * 255, 0, picture.width).round().astype(np.uint8)
    mixed = Image.composite(layer, picture, Image.fromarray(np.tile(mask, (picture.height, 1))))
    return css.brightness(css.saturate(css.contrast(css.hue_rotate(mixed, -20), 0.9), 0.85), 1.2)


def amaro(picture: Image.Image) -> Image.Image:
    """Warm and bright; RGB to RGB."""
    toned = css.saturate(css.brightness(css.contrast(css.sepia(picture, 0.35), 1.1), 1.2), 1.3)
    return css.blending.overlay(toned, util.fill(picture.size, (125, 105, 24, 0.2)))


def hefe(picture: Image.Image) -> Image.Image:
    """Strong and warm, darker towards the corners; RGB to RGB."""
    toned = css.saturate(css.brightness(css.contrast(css.sepia(picture, 0.4), 1.5), 1.2), 1.4)
    return _vignette(css.hue_rotate(toned, -10), [0, 1], [0, 0.25])


def sutro(picture: Image.Image) -> Image.Image:
    """Sepia, with dark corners; RGB to RGB."""
    toned = css.saturate(css.brightness(css.contrast(css.sepia(picture, 0.4), 1.2), 0.9), 1.4)
    return _vignette(css.hue_rotate(toned, -10), [0.5, 0.9], [0, 0.5])


def _vignette(picture: Image.Image, stops: Sequence[float], opacities: Sequence[float]) -> Image.Image:
    """Black over a picture: multiplied or darkened with it, which for black is the same.

    Args:
        picture: RGB.
        stops: distances from the middle, as shares of that to a corner.
        opacities: of the black at each of them.
    """
    x, y = (np.linspace(-n / 2, n / 2, n) for n in picture.size)
    pixels = np.array(picture)
    for row in range(0, len(pixels), 256):  # by blocks: the picture may be large, and these numbers have eight bytes
        part = slice(row, row + 256)
        distance = np.hypot(x, y[part, None]) / (np.hypot(*picture.size) / 2)
        light = 1 - np.interp(distance, stops, opacities)[..., None]
        pixels[part] = np.round(pixels[part] * light)
    return Image.fromarray(pixels)
