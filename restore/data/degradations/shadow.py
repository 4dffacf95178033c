"""Synthetic shadows: an object outside the picture keeps the light of the sun away, and the light of the sky remains.

In linear light, a pixel in the shadow is the lit one times the share of the ambient light, which differs between the
channels: the sky is blue. Where only a part of the sun is covered, in the penumbra, so is the loss. Inoue and Yamasaki,
"Learning from synthetic shadows for shadow detection and removal" (TCSVT 2021), and Le and Samaras, "Shadow removal via
shadow image decomposition" (ICCV 2019), have the same affine model in sRGB values.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from restore.data.degradations.base import (
    Degradation,
    Fraction,
    FractionRange,
    Image,
    NonNegativeRange,
    Probability,
    Share,
    Shares,
    draw_share,
    ordered,
)
from restore.data.degradations.fields import sky, smooth_field
from restore.imaging.color.conversions import from_linear, to_linear

_Count = Annotated[int, Field(ge=1, le=16)]


class Shapes(Shares):
    """Shares of what casts the shadow."""

    polygon: Share = Field(0.35, description="share of straight edges: buildings, signs")
    blob: Share = Field(0.35, description="share of round outlines: people, shrubs")
    leaves: Share = Field(0.3, description="share of foliage, with light between the leaves")


class Shadow(Degradation):
    """Synthetic shadows over a part of the picture, but not of what looks like sky."""

    kind: Literal["shadow"] = "shadow"
    probability: Probability = Field(0.95, description="probability that it is applied")
    ambient: FractionRange = Field((0.15, 0.7), description="share of the light that a full shadow leaves; 1 for all")
    blue: Annotated[tuple[Fraction, Fraction], AfterValidator(ordered)] = Field(
        (0.05, 0.25), description="how much more blue than red a shadow leaves, as a fraction"
    )
    count: Annotated[tuple[_Count, _Count], AfterValidator(ordered)] = Field((1, 3), description="number of shadows")
    penumbra: NonNegativeRange = Field(
        (0.002, 0.03), description="width of the soft edge, as a fraction of the longer side of the picture"
    )
    shapes: Shapes = Field(Shapes(), description="shares of what casts the shadow")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        clean = np.clip(image, 0, 1)
        left = remaining(self, draw)
        mask = shadow_mask(clean.shape[0], clean.shape[1], self, draw) * (1 - sky(clean))
        return from_linear(np.clip(shaded(to_linear(clean), mask, left), 0, 1))


def shaded(light: Image, mask: Image, left: Image) -> Image:
    """Linear light in the shadow: ``J (1 - m (1 - left))``.

    Args:
        light: J (H, W, 3).
        mask: m (H, W), the part of the sun that is covered, 0..1.
        left: the share of the light of each channel (3,) that a full shadow leaves.
    """
    dark: Image = light * (1 - mask[..., None] * (1 - left))
    return dark


def remaining(options: Shadow, draw: np.random.Generator) -> Image:
    """The share of each channel's light (3,) that a full shadow leaves; green has the drawn one."""
    level, blue = draw.uniform(*options.ambient), draw.uniform(*options.blue)
    return np.clip(level * np.array([1 - blue / 2, 1, 1 + blue / 2]), 0, 1).astype(np.float32)


def shadow_mask(height: int, width: int, options: Shadow, draw: np.random.Generator) -> Image:
    """The part of the sun that is covered at each pixel, (height, width) on 0..1.

    An edge is the softer, the farther away what casts it: each shadow has a sharp and a soft version, mixed by a smooth
    field.
    """
    import cv2

    side = max(height, width)
    lit = np.ones((height, width), np.float32)
    for _ in range(int(draw.integers(*options.count, endpoint=True))):
        kind = draw_share(options.shapes.shares(), draw)
        hard = {"polygon": _polygon, "blob": _blob, "leaves": _leaves}[kind](height, width, draw)
        widths = np.sort(draw.uniform(*options.penumbra, 2)) * side
        soft = [cv2.GaussianBlur(hard, (0, 0), max(0.4, float(width) / 2)) for width in widths]
        share = smooth_field(height, width, 1, draw)
        lit *= 1 - (soft[0] + share * (soft[1] - soft[0]))
    mask: Image = np.clip(1 - lit, 0, 1)
    return mask


def _polygon(height: int, width: int, draw: np.random.Generator) -> Image:
    """A wedge or slab with straight edges that enters from beyond the border."""
    side = max(height, width)
    turn = draw.uniform(0, 2 * math.pi)
    middle = np.array([width, height]) * draw.uniform(0.15, 0.85, 2)
    along, across = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    near, far = draw.uniform(0.1, 0.4, 2) * side
    start, skew = draw.uniform(-0.4, 0.2) * side, draw.uniform(-0.3, 0.3) * side
    corners = [
        middle + along * start + across * near,
        middle + along * (start + skew) - across * near,
        middle + along * 2 * side - across * far,
        middle + along * 2 * side + across * far,
    ]
    return _drawn(height, width, np.array(corners))


def _blob(height: int, width: int, draw: np.random.Generator) -> Image:
    """A closed outline whose radius varies with the angle, stretched as shadows of low suns are."""
    side, turn = max(height, width), draw.uniform(0, 2 * math.pi)
    angle = np.linspace(0, 2 * math.pi, 180, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(1, 7):
        radius += draw.normal(0, 0.35 / wave) * np.cos(wave * angle + draw.uniform(0, 2 * math.pi))
    radius = np.maximum(radius, 0.1) * draw.uniform(0.12, 0.35) * side
    x, y = radius * np.cos(angle) * draw.uniform(1, 2.5), radius * np.sin(angle)
    middle = np.array([width, height]) * draw.uniform(0, 1, 2)
    outline = np.stack([math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y], axis=1)
    return _drawn(height, width, outline + middle)


def _leaves(height: int, width: int, draw: np.random.Generator) -> Image:
    """A blob with holes: a field of two sizes, above a threshold."""
    fine = smooth_field(height, width, int(draw.integers(14, 40)), draw)
    coarse = smooth_field(height, width, int(draw.integers(3, 8)), draw)
    field = 0.6 * fine + 0.4 * coarse
    cover = field > np.quantile(field, draw.uniform(0.2, 0.55))
    leaves: Image = _blob(height, width, draw) * cover
    return leaves.astype(np.float32)


def _drawn(height: int, width: int, corners: np.ndarray) -> Image:
    import cv2

    mask = np.zeros((height, width), np.float32)
    # Four bits for fractions of a pixel.
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    return mask
