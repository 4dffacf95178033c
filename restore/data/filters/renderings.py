"""Vary how a filter is rendered, as other programs do, and how a photograph looks, as other light and cameras do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from restore.data.filters.edits import color_table, exposure, looked_up, monotone, saturation, tone_curve, white_balance
from restore.data.filters.instagram_css import INSTAGRAM_LOOKS, rendered
from restore.data.filters.library import blend

Pixels = NDArray[np.uint8]
Draw = np.random.Generator

# Probability of Instagram.css's rendering, if it has the filter, and of showing only the middle of the filter.
_OTHER, _MIDDLE = 0.4, 0.25
# Range of the strength relative to the original rendering.
_STRENGTH = (0.6, 1.2)


def another_rendering(photo: Pixels, name: str, own: Callable[[Pixels], Pixels], draw: Draw) -> Pixels:
    """Apply a filter to a photograph, uint8 RGB (H, W, 3), as an unknown program might render it.

    Programs agree on a filter's character but not on its numbers: layers are stronger or weaker, curves and saturation
    differ, and the vignette may be missing.

    Args:
        photo: without the filter.
        name: of the filter.
        own: the filter as published.
        draw: source of all randomness.
    """
    if name in INSTAGRAM_LOOKS and draw.random() < _OTHER:
        look = INSTAGRAM_LOOKS[name]
        made = rendered(photo, look)
    elif draw.random() < _MIDDLE:
        made = _in_the_middle(photo, own)
    else:
        made = own(photo)
    made = blended_beyond(photo, made, float(draw.uniform(*_STRENGTH)))
    curves = np.stack([monotone(draw, 0.12, 0.015) for _ in range(3)], axis=1)
    common = monotone(draw, 0.2, 0.02)[:, None] - np.linspace(0, 1, 256)[:, None]
    made = looked_up(made, curves + common)
    if draw.random() < 0.5:
        made = blend(made, saturation(made, draw), 0.5)
    if draw.random() < 0.5:
        made = blend(made, color_table(made, draw), 0.5)
    return made


def another_look(photo: Pixels, draw: Draw) -> Pixels:
    """Vary an unfiltered photograph, uint8 RGB (H, W, 3), like another hour, light or camera: warm, dim, pale, rich.

    An edit and different light then look the same, so a network learns to doubt.
    """
    for change, chance in ((white_balance, 0.7), (exposure, 0.6), (saturation, 0.5), (tone_curve, 0.3)):
        if draw.random() < chance:
            photo = blend(photo, change(photo, draw), float(draw.uniform(0.2, 1)))
    return photo


def blended_beyond(before: Pixels, after: Pixels, strength: float) -> Pixels:
    """Blend a picture with its filtered version; a strength above 1 extrapolates. Clipped to 0..255."""
    low = before.astype(np.float32)
    return np.clip(np.round(low + np.float32(strength) * (after - low)), 0, 255).astype(np.uint8)


def _in_the_middle(photo: Pixels, own: Callable[[Pixels], Pixels]) -> Pixels:
    """Filter a photograph as the middle of a larger one, so that most of the vignette is beyond the border."""
    height, width = photo.shape[:2]
    edge = ((height // 2,) * 2, (width // 2,) * 2, (0, 0))
    made = own(np.pad(photo, edge, mode="edge"))
    return np.ascontiguousarray(made[height // 2 : height // 2 + height, width // 2 : width // 2 + width])
