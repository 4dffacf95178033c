"""Fields over a picture: smooth random ones, segments of its colors, its sky, and fields that follow its edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.data.degradations.base import Image

# Side of the reduced picture in which segments are found.
_COARSE = 48
# How much a difference of colors counts against a distance, in units of the longer side.
_COLOR = 2.0
# Variance of the luma within a window of the reduced picture above which it is no sky.
_ROUGH = 4e-4

# ITU-R BT.601, full range.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def smooth_field(height: int, width: int, cells: int, draw: np.random.Generator) -> Image:
    """A smooth random field (height, width) on 0..1, with about ``cells`` hills and valleys along each side."""
    import cv2

    grid = draw.uniform(0, 1, (cells + 3, cells + 3)).astype(np.float32)
    # Sampled away from the border of the grid, where an interpolation would be flat.
    rows = np.linspace(1, cells + 1, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    columns = np.linspace(1, cells + 1, width, dtype=np.float32)[None].repeat(height, axis=0)
    field: Image = np.clip(cv2.remap(grid, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), 0, 1)
    return field


def segments(image: Image, count: int, draw: np.random.Generator) -> NDArray[np.int32]:
    """Regions of similar color and place: a stand-in for the objects of a picture.

    Each pixel belongs to the seed that is nearest in color and place; the seeds are ``count`` random pixels.

    Args:
        image: float32 RGB (H, W, 3) on 0..1.
        count: number of regions, at most that of the pixels of the reduced picture.
        draw: source of all randomness.

    Returns:
        (H, W), the number of each pixel's region, from 0.
    """
    import cv2

    height, width = image.shape[:2]
    factor = min(1.0, _COARSE / max(height, width))
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, 3)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) / max(rows, columns)
    places = np.dstack([_COLOR * small, y, x]).reshape(-1, 5)
    seeds = places[draw.choice(len(places), min(count, len(places)), replace=False)]
    nearest = ((places[:, None] - seeds) ** 2).sum(axis=2).argmin(axis=1).astype(np.float32).reshape(rows, columns)
    found: NDArray[np.int32] = cv2.resize(nearest, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    return found


def sky(image: Image) -> Image:
    """How likely each pixel is sky, (H, W) on 0..1: what is smooth, bright or blue, and reaches the upper border.

    Args:
        image: float32 RGB (H, W, 3) on 0..1.
    """
    import cv2

    height, width = image.shape[:2]
    factor = min(1.0, 2 * _COARSE / max(height, width))
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, 3)
    luma = small @ _LUMA
    rough = cv2.blur(luma * luma, (3, 3)) - cv2.blur(luma, (3, 3)) ** 2
    blue = (small[..., 2] > small[..., 0] + 0.08) & (small[..., 2] >= small[..., 1])
    least = np.where(blue, 0.15, 0.62)  # of the luma; clear skies may be dark
    maybe = ((rough < _ROUGH) | (luma > 0.85)) & (luma > least)
    _, numbers = cv2.connectedComponents(maybe.astype(np.uint8), connectivity=4)
    found = (np.isin(numbers, np.unique(numbers[0])) & maybe).astype(np.uint8)
    wider = cv2.dilate(found, np.ones((3, 3), np.uint8)).astype(np.float32)
    even = cv2.resize(wider, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(guided(even, image, max(2, round(0.02 * max(height, width))), 2e-4), 0, 1)


def guided(field: Image, image: Image, radius: int, epsilon: float = 1e-3) -> Image:
    """A field whose edges move to those of a picture: the guided filter of He, Sun and Tang (ECCV 2010).

    Args:
        field: float32 (H, W).
        image: float32 RGB (H, W, 3) on 0..1, whose luma guides.
        radius: of the windows, pixels.
        epsilon: variance of the luma below which it counts as flat.

    Returns:
        (H, W), within the range of ``field``.
    """
    import cv2

    guide = image @ _LUMA

    def mean(x: Image) -> Image:
        side = 2 * radius + 1
        averaged: Image = cv2.boxFilter(x, -1, (side, side), borderType=cv2.BORDER_REFLECT)
        return averaged

    average, wanted = mean(guide), mean(field)
    slope = (mean(guide * field) - average * wanted) / (mean(guide * guide) - average**2 + np.float32(epsilon))
    offset = wanted - slope * average
    followed: Image = np.clip(mean(slope) * guide + mean(offset), field.min(), field.max()).astype(np.float32)
    return followed
