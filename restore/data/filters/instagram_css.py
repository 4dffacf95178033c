"""The filters of the library as Instagram.css renders them, which often differs from CSSgram's rendering.

After Instagram.css 0.1.4 by Yan Zhu (MIT). A layer with one color or a gradient is blended over the picture; the CSS
filter functions apply to both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_LUMA = np.array([0.2126, 0.7152, 0.0722])
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])

# A color with its opacity: red, green and blue, 0..255, and opacity, 0..1.
Color = tuple[int, int, int, float]


class Layer(NamedTuple):
    """A color, or a gradient between two, blended over the picture.

    Args:
        mode: of CSS's ``mix-blend-mode``.
        colors: a single color, or those at the first and the last stop.
        stops: of the gradient, as fractions of its length.
        shape: ``circle``, which reaches the nearest corner of the picture, or ``down``, from the top to the bottom.
    """

    mode: str
    colors: Sequence[Color]
    stops: tuple[float, float] = (0.0, 1.0)
    shape: str = "circle"


class Look(NamedTuple):
    """CSS filter functions with their values, in order, after a layer."""

    functions: Sequence[tuple[str, float]]
    layer: Layer | None = None


_SAND, _SKY, _GOLD, _EARTH = (125, 105, 24), (127, 187, 227), (230, 193, 61), (128, 78, 15)


def _look(layer: Layer | None = None, **functions: float) -> Look:
    return Look(tuple(functions.items()), layer)


def _even(mode: str, color: tuple[int, int, int], opacity: float) -> Layer:
    return Layer(mode, ((*color, opacity),))


def _circle(mode: str, first: Color, last: Color, start: float = 0.0, end: float = 1.0) -> Layer:
    return Layer(mode, (first, last), (start, end))


INSTAGRAM_LOOKS: dict[str, Look] = {
    "1977": _look(sepia=0.5, hue=-30, saturate=1.4),
    "aden": _look(_even("multiply", _SAND, 0.1), sepia=0.2, brightness=1.15, saturate=1.4),
    "amaro": _look(_even("overlay", _SAND, 0.2), sepia=0.35, contrast=1.1, brightness=1.2, saturate=1.3),
    "brannan": _look(sepia=0.4, contrast=1.25, brightness=1.1, saturate=0.9, hue=-2),
    "brooklyn": _look(_even("overlay", _SKY, 0.2), sepia=0.25, contrast=1.25, brightness=1.25, hue=5),
    "clarendon": _look(_even("overlay", _SKY, 0.4), sepia=0.15, contrast=1.25, brightness=1.25, hue=5),
    "earlybird": _look(
        _circle("multiply", (*_SAND, 0.0), (*_SAND, 0.2)),
        sepia=0.25, contrast=1.25, brightness=1.15, saturate=0.9, hue=-5,
    ),
    "gingham": _look(_even("soft-light", (230, 230, 230), 1.0), contrast=1.1, brightness=1.1),
    "hefe": _look(
        _circle("multiply", (0, 0, 0, 0.0), (0, 0, 0, 0.25)),
        sepia=0.4, contrast=1.5, brightness=1.2, saturate=1.4, hue=-10,
    ),
    "hudson": _look(
        _circle("multiply", (25, 62, 167, 0.0), (25, 62, 167, 0.25), 0.25),
        sepia=0.25, contrast=1.2, brightness=1.2, saturate=1.05, hue=-15,
    ),
    "inkwell": _look(brightness=1.25, contrast=0.85, saturate=0),
    "kelvin": _look(
        _circle("overlay", (*_EARTH, 0.25), (*_EARTH, 0.5)), sepia=0.15, contrast=1.5, brightness=1.1, hue=-10
    ),
    "lark": _look(sepia=0.25, contrast=1.2, brightness=1.3, saturate=1.25),
    "lofi": _look(saturate=1.1, contrast=1.5),
    "maven": _look(_even("darken", (158, 175, 30), 0.25), sepia=0.35, contrast=1.05, brightness=1.05, saturate=1.75),
    "mayfair": _look(
        _circle("multiply", (175, 105, 24, 0.0), (175, 105, 24, 0.4)), contrast=1.1, brightness=1.15, saturate=1.1
    ),
    "moon": _look(brightness=1.4, contrast=0.95, saturate=0, sepia=0.35),
    "nashville": _look(
        _circle("screen", (*_EARTH, 0.5), (*_EARTH, 0.65)), sepia=0.25, contrast=1.5, brightness=0.9, hue=-15
    ),
    "perpetua": _look(
        Layer("multiply", ((0, 91, 154, 0.25), (*_GOLD, 0.25)), shape="down"),
        contrast=1.1, brightness=1.25, saturate=1.1,
    ),
    "reyes": _look(sepia=0.75, contrast=0.75, brightness=1.25, saturate=1.4),
    "rise": _look(
        _circle("lighten", (*_GOLD, 0.0), (*_GOLD, 0.25)), sepia=0.25, contrast=1.25, brightness=1.2, saturate=0.9
    ),
    "slumber": _look(_even("darken", _SAND, 0.2), sepia=0.35, contrast=1.25, saturate=1.25),
    "stinson": _look(_even("lighten", _SAND, 0.45), sepia=0.35, contrast=1.25, brightness=1.1, saturate=1.25),
    "sutro": _look(
        _circle("darken", (0, 0, 0, 0.0), (0, 0, 0, 0.5), 0.5, 0.9),
        sepia=0.4, contrast=1.2, brightness=0.9, saturate=1.4, hue=-10,
    ),
    "toaster": _look(
        _circle("screen", (*_EARTH, 1.0), (0, 0, 0, 0.25)), sepia=0.25, contrast=1.5, brightness=0.95, hue=-15
    ),
    "valencia": _look(_even("lighten", _GOLD, 0.1), sepia=0.25, contrast=1.1, brightness=1.1),
    "walden": _look(_even("darken", (229, 240, 128), 0.5), sepia=0.35, contrast=0.8, brightness=1.25, saturate=1.4),
    "willow": _look(brightness=1.2, contrast=0.85, saturate=0.05, sepia=0.2),
    "xpro2": _look(
        _circle("multiply", (0, 91, 154, 0.35), (0, 0, 0, 0.65)),
        sepia=0.45, contrast=1.25, brightness=1.75, saturate=1.3, hue=-5,
    ),
}  # fmt: skip


def rendered(photo: Pixels, look: Look) -> Pixels:
    """Apply a look to a photograph, uint8 RGB (H, W, 3)."""
    now: Floats = photo.astype(np.float32) / np.float32(255)
    if look.layer is not None:
        now = _blended(now, look.layer)
    for name, value in look.functions:
        now = np.asarray(np.clip(_FUNCTIONS[name](now, value), 0, 1), np.float32)
    return np.round(255 * now).astype(np.uint8)


def _blended(now: Floats, layer: Layer) -> Floats:
    """Blend a layer over pixels (H, W, 3) on 0..1."""
    first, last = layer.colors[0], layer.colors[-1]
    height, width = now.shape[:2]
    share = np.zeros((height, width, 1), np.float32)
    if len(layer.colors) > 1:
        down, across = (np.arange(n, dtype=np.float32) + 0.5 - n / 2 for n in (height, width))
        if layer.shape == "down":
            along: AnyArray = np.broadcast_to(down[:, None] / height + 0.5, (height, width))
        else:
            along = np.hypot(down[:, None], across) / (np.hypot(height, width) / 2)
        start, end = layer.stops
        share = np.clip((along - start) / (end - start), 0, 1).astype(np.float32)[..., None]
    opacity = (1 - share) * first[3] + share * last[3]
    # Gradients interpolate premultiplied colors.
    start_color, end_color = (np.array(color[:3], np.float32) for color in (first, last))
    weighted = (1 - share) * first[3] * start_color + share * last[3] * end_color
    color = (weighted / np.maximum(opacity, 1e-6) / 255).astype(np.float32)
    made: Floats = now + opacity * (_MODES[layer.mode](now, color) - now)
    return made


def _soft_light(below: Floats, above: Floats) -> Floats:
    root = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    darker = below - (1 - 2 * above) * below * (1 - below)
    lighter = below + (2 * above - 1) * (root - below)
    return np.where(above <= 0.5, darker, lighter).astype(np.float32)


def _overlay(below: Floats, above: Floats) -> Floats:
    lighter = 1 - 2 * (1 - below) * (1 - above)
    return np.where(below <= 0.5, 2 * below * above, lighter).astype(np.float32)


_MODES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: below + above - below * above,
    "overlay": _overlay,
    "soft-light": _soft_light,
    "darken": np.minimum,
    "lighten": np.maximum,
}


def _mixed(now: Floats, matrix: NDArray[np.float64]) -> Floats:
    return np.asarray(cv2.transform(now, matrix), np.float32)


def _hue(now: Floats, degrees: float) -> Floats:
    """CSS's hue rotation, which preserves the luma of the Filter Effects specification."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    luma = np.tile([0.213, 0.715, 0.072], (3, 1))
    turn = np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    return _mixed(now, luma + cos * (np.eye(3) - luma) + sin * turn)


_FUNCTIONS: dict[str, Callable[[Floats, float], Floats]] = {
    "sepia": lambda now, share: _mixed(now, (1 - share) * np.eye(3) + share * _SEPIA),
    "saturate": lambda now, share: _mixed(now, (1 - share) * np.tile(_LUMA, (3, 1)) + share * np.eye(3)),
    "hue": _hue,
    "contrast": lambda now, factor: factor * (now - 0.5) + 0.5,
    "brightness": lambda now, factor: factor * now,
}
