"""Resize by OpenCV's filters, which do what the picture's earlier life may have done to it.

For the literature's bicubic see :mod:`restore.imaging.resize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.base import Fraction, Image, Share, Shares, draw_share

Filter = Literal["area", "bilinear", "bicubic", "lanczos"]


def resize(image: NDArray[np.float32], height: int, width: int, by: Filter) -> NDArray[np.float32]:
    """Resize to a size, the pictures' corners kept on each other.

    ``bilinear`` and ``bicubic`` (a = -0.75) look at 2 and 4 neighbours a side, without antialiasing: shrinking, they
    alias, which is wanted here; they are what torch's ``interpolate`` does. ``area`` takes the mean of what a pixel
    covers; enlarging, it is OpenCV's blend of nearest and linear. ``lanczos`` looks at 8 neighbours a side and rings.

    Args:
        image: float32 (H, W, 3).
        height: of the result, at least 1.
        width: of the result, at least 1.
        by: the filter.

    Returns:
        float32 (height, width, 3); bicubic and lanczos overshoot the range at edges.
    """
    import cv2

    if image.shape[:2] == (height, width):
        return image
    filters = {
        "area": cv2.INTER_AREA,
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "lanczos": cv2.INTER_LANCZOS4,
    }
    resized: NDArray[np.float32] = cv2.resize(image, (width, height), interpolation=filters[by])
    return resized


class Resize(Shares):
    """A resize by a random factor."""

    up: Share = Field(0.2, description="share of enlarging")
    down: Share = Field(0.7, description="share of shrinking")
    keep: Share = Field(0.1, description="share of neither")
    factor: tuple[Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.15, 1.5), description="the smallest factor that shrinks and the largest that enlarges"
    )
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="drawn from with even chances"
    )

    def apply(self, image: Image, height: int, width: int, draw: np.random.Generator) -> Image:
        """Resize to ``height`` by ``width`` times a random factor."""
        least, most = self.factor
        ranges = {"up": (1.0, most), "down": (least, 1.0), "keep": (1.0, 1.0)}
        factor = draw.uniform(*ranges[draw_share(self.shares(), draw)])
        by = draw_filter(self.filters, draw)
        return resize(image, max(1, int(height * factor)), max(1, int(width * factor)), by)


def draw_filter(filters: Sequence[Filter], draw: np.random.Generator) -> Filter:
    """One of the filters, with even chances."""
    return filters[int(draw.integers(len(filters)))]
