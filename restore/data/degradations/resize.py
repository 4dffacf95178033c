"""Resizing with OpenCV's filters, to simulate earlier processing of a picture.

For the bicubic of the literature, see :mod:`restore.imaging.resize`.
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
    """Resize a picture, with aligned outer corners.

    ``bilinear`` and ``bicubic`` (a = -0.75) use 2 and 4 neighbors per axis without antialiasing, like ``interpolate``
    of torch. They alias when shrinking, which is intended here. ``area`` averages the area that a pixel covers; for
    enlarging, it is OpenCV's blend of nearest and linear. ``lanczos`` uses 8 neighbors per axis and rings.

    Args:
        image: float32 (H, W, 3).
        height: height of the result, at least 1.
        width: width of the result, at least 1.
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
    keep: Share = Field(0.1, description="share of keeping the size")
    factor: tuple[Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.15, 1.5), description="smallest factor for shrinking and largest for enlarging"
    )
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="filters, all equally likely"
    )

    def apply(self, image: Image, height: int, width: int, draw: np.random.Generator) -> Image:
        """Resize to ``height`` by ``width`` times a random factor."""
        least, most = self.factor
        ranges = {"up": (1.0, most), "down": (least, 1.0), "keep": (1.0, 1.0)}
        factor = draw.uniform(*ranges[draw_share(self.shares(), draw)])
        by = draw_filter(self.filters, draw)
        return resize(image, max(1, int(height * factor)), max(1, int(width * factor)), by)


def draw_filter(filters: Sequence[Filter], draw: np.random.Generator) -> Filter:
    """Draw one of the filters, all equally likely."""
    return filters[int(draw.integers(len(filters)))]
