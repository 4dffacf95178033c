"""Blur by kernels drawn at random."""

from __future__ import annotations

import math
from typing import Any, Literal

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

# Below this size a sinc filter has another range of cutoffs.
_SMALL = 13


def blur(image: NDArray[np.float32], kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Correlate every channel with a kernel; beyond the border the picture is mirrored about the edge pixel.

    The same as ``basicsr.utils.img_process_util.filter2D``.

    Args:
        image: float32 (H, W, 3).
        kernel: (size, size), see :mod:`.kernels`.

    Returns:
        float32 (H, W, 3), not clipped: a kernel with negative parts goes beyond the range at edges.
    """
    import cv2

    blurred: NDArray[np.float32] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return blurred


class Kernels(Shares):
    """Which blur kernels are drawn."""

    iso: Share = Field(0.45, description="share of round Gaussians")
    aniso: Share = Field(0.25, description="share of turned, elongated Gaussians")
    generalized_iso: Share = Field(0.12, description="share of round generalised Gaussians")
    generalized_aniso: Share = Field(0.03, description="share of elongated generalised Gaussians")
    plateau_iso: Share = Field(0.12, description="share of round plateaus")
    plateau_aniso: Share = Field(0.03, description="share of elongated plateaus")


class Blur(Degradation):
    """A blur, or the ringing of a sinc filter in its place."""

    size: SizeRange = Field((7, 21), description="side of the kernel, pixels; odd ones are drawn")
    kernels: Kernels = Field(Kernels(), description="which kernels are drawn")
    sigma: PositiveRange = Field((0.2, 3.0), description="standard deviation along each axis, pixels")
    generalized_beta: PositiveRange = Field(
        (0.5, 4.0), description="shape of the generalised Gaussians; 1 is a Gaussian"
    )
    plateau_beta: PositiveRange = Field((1.0, 2.0), description="shape of the plateaus")
    sinc_probability: Probability = Field(0.1, description="how often the kernel is a sinc filter")
    cutoff: FractionRange = Field(
        (1 / 5, 1.0), description="of sinc filters, highest frequency over the Nyquist frequency"
    )
    cutoff_small: FractionRange = Field((1 / 3, 1.0), description="the same of kernels smaller than 13 pixels")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return blur(image, draw_kernel(self, draw))


class BlurStep(Blur):
    """A blur, or the ringing of a sinc filter, as a step of its own."""

    kind: Literal["blur"] = "blur"


def draw_kernel(options: Blur, draw: np.random.Generator) -> kernels.Kernel:
    """A random blur kernel."""
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
    """As often below 1 as above it, though the range reaches further above."""
    least, most = betas
    if not least <= 1 <= most:
        return draw.uniform(least, most)
    return draw.uniform(least, 1) if draw.random() < 0.5 else draw.uniform(1, most)
