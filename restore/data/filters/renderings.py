"""A filter as another program of the same name may render it, and a photograph as another hour or camera shows it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from restore.data.filters.edits import color_table, exposure, looked_up, monotone, saturation, tone_curve, white_balance
from restore.data.filters.instagram_css import INSTAGRAM_LOOKS, rendered
from restore.data.filters.library import blend

Pixels = NDArray[np.uint8]
Draw = np.random.Generator

# How often a rendering is Instagram.css's where it has the filter, and how often the filter shows its middle alone.
_OTHER, _MIDDLE = 0.4, 0.25
# The strength of a rendering beside the one it is made of.
_STRENGTH = (0.6, 1.2)


def another_rendering(photo: Pixels, name: str, own: Callable[[Pixels], Pixels], draw: Draw) -> Pixels:
    """A filter laid over a photograph, uint8 RGB (H, W, 3), as a program that is not known may do it.

    Programs agree on a filter's character and not on its numbers: the layers are stronger or weaker, the curves bend
    otherwise, the colors are more or less, and what darkens the corners may be missing.

    Args:
        photo: without it.
        name: of the filter.
        own: the filter as published.
        draw: what the rendering comes from.
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
    """A photograph, uint8 RGB (H, W, 3), that is as it is but of another hour, light or camera: warm, dim, pale, rich.

    What an edit does to it and what the light did cannot be told apart then, and so a network learns to doubt.
    """
    for change, chance in ((white_balance, 0.7), (exposure, 0.6), (saturation, 0.5), (tone_curve, 0.3)):
        if draw.random() < chance:
            photo = blend(photo, change(photo, draw), float(draw.uniform(0.2, 1)))
    return photo


def blended_beyond(before: Pixels, after: Pixels, strength: float) -> Pixels:
    """A picture with a filter over it in part, or more than wholly: clipped where that leads out of 0..255."""
    low = before.astype(np.float32)
    return np.clip(np.round(low + np.float32(strength) * (after - low)), 0, 255).astype(np.uint8)


def _in_the_middle(photo: Pixels, own: Callable[[Pixels], Pixels]) -> Pixels:
    """A filter over a photograph that lies in the middle of a larger one: its vignette is mostly beyond the border."""
    height, width = photo.shape[:2]
    edge = ((height // 2,) * 2, (width // 2,) * 2, (0, 0))
    made = own(np.pad(photo, edge, mode="edge"))
    return np.ascontiguousarray(made[height // 2 : height // 2 + height, width // 2 : width // 2 + width])
