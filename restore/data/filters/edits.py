"""Edits like those made by hand: tone curves, split toning, fades, warmth, saturation, vignettes, grain, monochrome.

Each family draws its own parameters. None is a named filter: from them, a filter-removal network learns what it cannot
know, and when to leave a picture alone.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from restore.data.filters.library import blend
from restore.imaging.arrays import AnyArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Draw = np.random.Generator

# Maximum number of families in one edit, and the minimum strength.
_MOST, _LEAST = 3, 0.1
# Side of a random color table, in entries.
_TABLE = 5


def edited(photo: Pixels, draw: Draw) -> Pixels:
    """Apply one to three random edits to a photograph, uint8 RGB (H, W, 3), at a random strength."""
    count = int(draw.integers(1, _MOST, endpoint=True))
    names = draw.choice(len(FAMILIES), count, replace=False)
    now = photo
    for number in names:
        now = list(FAMILIES.values())[number](now, draw)
    return blend(photo, now, float(draw.uniform(_LEAST, 1)))


def monotone(draw: Draw, bend: float, ends: float) -> NDArray[np.float64]:
    """A monotone curve of 256 values on 0..1; ``bend`` varies the logarithm of the slope, ``ends`` the end points."""
    slopes = np.exp(np.interp(np.linspace(0, 5, 256), np.arange(6), draw.normal(0, bend, 6)))
    rise = np.cumsum(slopes) - slopes[0]
    low, high = np.maximum(0, draw.normal(0, ends, 2))
    return np.asarray(low + (1 - low - high) * rise / rise[-1], np.float64)


def looked_up(photo: Pixels, curves: NDArray[np.float64]) -> Pixels:
    """Apply a curve on 0..1 to each channel: (256, 3), or (256, 1) for all three."""
    table = np.round(255 * np.clip(np.broadcast_to(curves, (256, 3)), 0, 1)).astype(np.uint8)
    return np.asarray(cv2.LUT(photo, np.ascontiguousarray(table)[None]), np.uint8)


def tone_curve(photo: Pixels, draw: Draw) -> Pixels:
    """A curve for all channels, one for each, or both."""
    curves = np.stack([monotone(draw, 0.35, 0.02) for _ in range(3)], axis=1)
    common = monotone(draw, 0.5, 0.02)[:, None]
    which = draw.integers(3)
    chosen = (common, curves, 0.5 * (common + curves))[which]
    return looked_up(photo, chosen)


def split_toning(photo: Pixels, draw: Draw) -> Pixels:
    """One tint in the shadows and another in the highlights."""
    shadows, highlights = (_tint(draw, 0.25) for _ in range(2))
    edge = float(draw.uniform(0.6, 2.5))
    luma = np.linspace(0, 1, 256)[:, None]
    shifts = np.round(255 * ((1 - luma) ** edge * shadows + luma**edge * highlights)).astype(np.int16)
    return np.asarray(np.clip(photo + shifts[_gray(photo)], 0, 255), np.uint8)


def fade(photo: Pixels, draw: Draw) -> Pixels:
    """Raise black and lower white, both slightly tinted."""
    low = draw.uniform(0, 0.25) + draw.normal(0, 0.03, 3)
    high = 1 - draw.uniform(0, 0.15) + draw.normal(0, 0.02, 3)
    return looked_up(photo, low + (high - low) * np.linspace(0, 1, 256)[:, None])


def white_balance(photo: Pixels, draw: Draw) -> Pixels:
    """Warmer or colder, greener or pinker, in linear light or in sRGB values."""
    warm, tint = draw.normal(0, 0.15), draw.normal(0, 0.06)
    gains = np.exp(np.array([warm, -tint, -warm]))
    power = float(draw.choice([1.0, 2.2]))
    return looked_up(photo, np.clip(np.linspace(0, 1, 256)[:, None] ** power * gains, 0, 1) ** (1 / power))


def saturation(photo: Pixels, draw: Draw) -> Pixels:
    """More or less saturation: uniform, or strongest for pale colors."""
    gray, share = _gray(photo)[..., None], float(np.exp(draw.normal(0, 0.4))) - 1
    if draw.random() < 0.6:
        without = cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
        return np.asarray(cv2.addWeighted(photo, 1 + share, without, -share, 0), np.uint8)
    spread = photo.max(axis=2, keepdims=True) - photo.min(axis=2, keepdims=True)
    shares = np.float32(share) * (1 - spread / np.float32(255))
    return _bytes(photo + shares * (photo - gray.astype(np.float32)))


def exposure(photo: Pixels, draw: Draw) -> Pixels:
    """Brighter or darker, by a gain or a gamma, with more or less contrast."""
    values = np.linspace(0, 1, 256)[:, None] ** np.exp(draw.normal(0, 0.25)) * np.exp(draw.normal(0, 0.12))
    return looked_up(photo, 0.5 + np.exp(draw.normal(0, 0.2)) * (values - 0.5))


def vignette(photo: Pixels, draw: Draw) -> Pixels:
    """Darker, or sometimes lighter, corners; round, or elliptical like the picture."""
    height, width = photo.shape[:2]
    down, across = (2 * (np.arange(n, dtype=np.float32) + 0.5) / n - 1 for n in (height, width))
    if draw.random() < 0.5:
        down, across = down * height / max(height, width), across * width / max(height, width)
    distance = np.hypot(down[:, None], across)
    distance /= distance.max()
    start = float(draw.uniform(0, 0.7))
    share = np.clip((distance - start) / (1 - start), 0, 1) ** float(draw.uniform(1, 3))
    depth = float(draw.uniform(0.1, 0.8)) * (1 if draw.random() < 0.8 else -0.6)
    color = np.float32(0 if draw.random() < 0.7 else draw.uniform(0, 0.4, 3))
    over = (depth * share)[..., None].astype(np.float32)
    return _bytes(photo * (1 - over) + 255 * np.maximum(over, 0) * color)


def grain(photo: Pixels, draw: Draw) -> Pixels:
    """Noise, the same in all channels, in single pixels or slightly coarser."""
    noise: Floats = draw.normal(0, draw.uniform(2, 12), photo.shape[:2]).astype(np.float32)
    if draw.random() < 0.5:
        noise = np.asarray(1.8 * cv2.GaussianBlur(noise, (0, 0), 0.8), np.float32)
    return np.clip(np.round(photo + noise[..., None]), 0, 255).astype(np.uint8)


def black_and_white(photo: Pixels, draw: Draw) -> Pixels:
    """A random mixture of the channels to gray, sometimes toned."""
    weights = draw.dirichlet((2.0, 3.0, 1.5))
    gray = np.asarray(cv2.transform(photo, weights[None]), np.uint8)
    values = np.linspace(0, 1, 256)[:, None]
    tint = np.zeros(3, np.float32) if draw.random() < 0.5 else _tint(draw, 0.1)
    return looked_up(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), values + 4 * values * (1 - values) * tint)


def overlay(photo: Pixels, draw: Draw) -> Pixels:
    """A color or gradient, multiplied, screened or mixed with the picture."""
    one, other = (draw.uniform(0, 1, 3).astype(np.float32) for _ in range(2))
    opacity, mode = float(draw.uniform(0.05, 0.4)), int(draw.integers(3))

    def lay(now: AnyArray, color: Floats) -> AnyArray:
        laid = (now * color, now + color - now * color, color)[mode]
        return np.asarray(now + opacity * (laid - now))

    if draw.random() < 0.7:
        return looked_up(photo, lay(np.linspace(0, 1, 256)[:, None], one))
    height, width = photo.shape[:2]
    angle = float(draw.uniform(0, 2 * np.pi))
    along = np.linspace(-1, 1, width) * np.cos(angle) + np.linspace(-1, 1, height)[:, None] * np.sin(angle)
    share = np.clip(0.5 + 0.5 * along, 0, 1).astype(np.float32)[..., None]
    return _bytes(255 * lay(photo / np.float32(255), one + share * (other - one)))


def color_table(photo: Pixels, draw: Draw) -> Pixels:
    """A smooth three-dimensional color table, close to the identity."""
    side = np.linspace(0, 1, _TABLE)
    blue, green, red = np.meshgrid(side, side, side, indexing="ij")  # red varies fastest
    table = np.stack((red, green, blue), axis=-1)
    table = table + draw.normal(0, draw.uniform(0.02, 0.08), 3) + draw.normal(0, draw.uniform(0.01, 0.06), table.shape)
    lookup = ImageFilter.Color3DLUT(_TABLE, np.clip(table, 0, 1).astype(np.float32).ravel())
    return np.asarray(Image.fromarray(photo).filter(lookup))


FAMILIES: dict[str, Callable[[Pixels, Draw], Pixels]] = {
    "tone-curve": tone_curve,
    "split-toning": split_toning,
    "fade": fade,
    "white-balance": white_balance,
    "saturation": saturation,
    "exposure": exposure,
    "vignette": vignette,
    "grain": grain,
    "black-and-white": black_and_white,
    "overlay": overlay,
    "color-table": color_table,
}


def _gray(photo: Pixels) -> Pixels:
    """Luma: (H, W, 3) to (H, W)."""
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)


def _bytes(values: AnyArray) -> Pixels:
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def _tint(draw: Draw, most: float) -> Floats:
    """A random offset from gray, (3,), with mean 0 and at most ``most``."""
    tint = draw.normal(0, 1, 3)
    tint -= tint.mean()
    return np.asarray(draw.uniform(0, most) * tint / max(1e-6, float(np.abs(tint).max())), np.float32)
