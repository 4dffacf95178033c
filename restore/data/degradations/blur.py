"""Blur with random kernels."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations import kernels
from restore.data.degradations.base import (
    Degradation,
    FractionRange,
    Image,
    PositiveRange,
    Probability,
    Share,
    Shares,
    SizeRange,
    draw_odd,
    draw_share,
)
from restore.imaging.arrays import AnyArray

# Sinc filters smaller than this have a different range of cutoffs.
_SMALL = 13


def blur(image: NDArray[np.float32], kernel: AnyArray) -> NDArray[np.float32]:
    """Correlate every channel with a kernel; the border is mirrored about the edge pixel.

    Equal to ``basicsr.utils.img_process_util.filter2D``. Round Gaussians, half of the kernels, are applied to columns
    and then to rows, which is faster.

    Args:
        image: float32 (H, W, 3).
        kernel: (size, size), see :mod:`.kernels`.

    Returns:
        float32 (H, W, 3), not clipped; kernels with negative values may exceed the range at edges.
    """
    import cv2

    blurred: NDArray[np.float32]
    if (parts := separated(kernel)) is None:
        blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    else:
        column, row = parts
        blurred = cv2.sepFilter2D(image, -1, row, column, borderType=cv2.BORDER_REFLECT_101)
    return blurred


def separated(kernel: AnyArray) -> tuple[AnyArray, AnyArray] | None:
    """A column and a row whose product is the kernel, or None if there are none."""
    middle = len(kernel) // 2
    column, row = kernel[:, middle], kernel[middle]
    if (peak := kernel[middle, middle]) == 0 or not np.allclose(np.outer(column, row / peak), kernel, 1e-6, 1e-9):
        return None
    return column, row / peak


class Kernels(Shares):
    """Shares of the blur kernels."""

    iso: Share = Field(0.45, description="share of round Gaussians")
    aniso: Share = Field(0.25, description="share of rotated, elongated Gaussians")
    generalized_iso: Share = Field(0.12, description="share of round generalized Gaussians")
    generalized_aniso: Share = Field(0.03, description="share of elongated generalized Gaussians")
    plateau_iso: Share = Field(0.12, description="share of round plateaus")
    plateau_aniso: Share = Field(0.03, description="share of elongated plateaus")


class Blur(Degradation):
    """A blur, or the ringing of a sinc filter instead."""

    size: SizeRange = Field((7, 21), description="side of the kernel, pixels; always odd")
    kernels: Kernels = Field(Kernels(), description="shares of the kernels")
    sigma: PositiveRange = Field((0.2, 3.0), description="standard deviation along each axis, pixels")
    generalized_beta: PositiveRange = Field(
        (0.5, 4.0), description="shape of the generalized Gaussians; 1 is a Gaussian"
    )
    plateau_beta: PositiveRange = Field((1.0, 2.0), description="shape of the plateaus")
    sinc_probability: Probability = Field(0.1, description="probability that the kernel is a sinc filter")
    cutoff: FractionRange = Field(
        (1 / 5, 1.0), description="cutoff of sinc filters as a fraction of the Nyquist frequency"
    )
    cutoff_small: FractionRange = Field((1 / 3, 1.0), description="cutoff for kernels smaller than 13 pixels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return blur(image, draw_kernel(self, draw))


class BlurStep(Blur):
    """A blur, or the ringing of a sinc filter, as a separate step."""

    kind: Literal["blur"] = "blur"


def draw_kernel(options: Blur, draw: np.random.Generator) -> kernels.Kernel:
    """Draw a blur kernel."""
    size = draw_odd(options.size, draw)
    if draw.random() < options.sinc_probability:
        cutoff = options.cutoff_small if size < _SMALL else options.cutoff
        return kernels.sinc_kernel(size, math.pi * draw.uniform(*cutoff))
    kind = draw_share(options.kernels.shares(), draw)
    sigma_x = sigma_y = draw.uniform(*options.sigma)
    angle = 0.0
    if kind.endswith("aniso"):
        sigma_y = draw.uniform(*options.sigma)
        angle = draw.uniform(-math.pi, math.pi)
    if kind.startswith("plateau"):
        return kernels.plateau_kernel(size, sigma_x, sigma_y, angle, _beta(options.plateau_beta, draw))
    beta = _beta(options.generalized_beta, draw) if kind.startswith("generalized") else 1.0
    return kernels.gaussian_kernel(size, sigma_x, sigma_y, angle, beta)


def _beta(betas: tuple[float, float], draw: np.random.Generator) -> float:
    """Draw a shape that is below 1 as often as above it, although the range extends further above."""
    least, most = betas
    if not least <= 1 <= most:
        return draw.uniform(least, most)
    return draw.uniform(least, 1) if draw.random() < 0.5 else draw.uniform(1, most)
