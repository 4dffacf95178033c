"""Synthetic pictures that expose faults: uint8 RGB (H, W, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def black(height: int, width: int) -> Pixels:
    """All zero: breaks divisions by the mean or standard deviation."""
    return np.zeros((height, width, 3), np.uint8)


def white(height: int, width: int) -> Pixels:
    """The largest value everywhere."""
    return np.full((height, width, 3), 255, np.uint8)


def noise(height: int, width: int) -> Pixels:
    """Independent values over the whole range."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def extremes(height: int, width: int) -> Pixels:
    """Each pixel and channel randomly black or white: the largest possible differences."""
    return np.random.default_rng(1).integers(0, 2, (height, width, 3), dtype=np.uint8) * np.uint8(255)


def primaries(height: int, width: int) -> Pixels:
    """Stripes of the eight corners of the color cube."""
    corners = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], np.uint8) * np.uint8(255)
    stripes: Pixels = np.broadcast_to(corners[np.arange(width) * 8 // width], (height, width, 3)).copy()
    return stripes


def scene(height: int, width: int, seed: int = 2) -> Pixels:
    """Soft shapes that differ by color, with edges and a little noise: a rough model of a photograph."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 16
    values = np.empty((height, width, 3))
    for c in range(3):
        # Each color has its own direction: otherwise, swapped channels would go unnoticed.
        angle, phase = np.pi * (c + draw.uniform(0, 0.5)) / 3, draw.uniform(0, 2 * np.pi)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (0.7 + 0.4 * c) + phase)
        edge = np.sign(np.sin(0.9 * (y * np.cos(angle) - x * np.sin(angle)) + 3 * phase))
        values[..., c] = 128 + 60 * wave + 30 * edge
    values += draw.normal(0, 3, values.shape)
    return np.clip(values, 0, 255).astype(np.uint8)


EXTREME = {"black": black, "white": white, "noise": noise, "black and white": extremes, "primaries": primaries}
