"""Structural similarity as a loss, at one scale and at several.

The libraries' MS-SSIM are other functions: kornia's has five Gaussians at full resolution and an L1 term; torchmetrics'
averages the channels before it takes the powers, and its coarsest scale includes windows that extend over the border.
SSIM shares the moments of this one.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import kornia
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2

# Wang et al., 2003: the exponents of the scales, finest first.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@full_precision
def ssim(output: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM, averaged over positions, channels and pictures; 0 is best, at most 2.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004::

        SSIM = (2 mx my + C1) (2 sxy + C2) / ((mx^2 + my^2 + C1) (sxx + syy + C2))

    with moments under an 11 x 11 Gaussian window of sigma 1.5 and windows entirely inside the picture.

    Args:
        output: (N, C, H, W), 0..1, at least 11 x 11.
        target: the same shape and range.

    Raises:
        ValueError: the picture is smaller than the window, or the shapes differ.
    """
    _check(output, target, 1)
    luminance, structure = _similarity(output, target)
    return 1 - (luminance * structure).mean()


@full_precision
def ms_ssim(output: Tensor, target: Tensor, scales: int = 5) -> Tensor:
    """1 - MS-SSIM, averaged over channels and pictures; 0 is best, at most 1.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003; as a loss, Snell
    et al., "Learning to generate images with perceptual similarity metrics", 2017. Contrast and structure are
    averaged at each scale, luminance enters at the coarsest, and each scale halves the picture by 2 x 2 means::

        MS-SSIM = SSIM_M^w_M * prod_(j < M) cs_j^w_j

    Means below zero are clamped to a tiny positive number, since they have no real power. With fewer than
    five scales the weights are those of the finest ones, normalized to sum to 1.

    Args:
        output: (N, C, H, W), 0..1; the smaller side at least 11 * 2**(scales - 1), so 176 for five scales.
        target: the same shape and range.
        scales: 1 to 5.

    Raises:
        ValueError: the picture is too small for so many scales, the shapes differ, or ``scales``.
    """
    if not 1 <= scales <= len(WEIGHTS):
        raise ValueError(f"scales: {scales} is not 1 to {len(WEIGHTS)}")
    _check(output, target, scales)
    weights = torch.tensor(WEIGHTS[:scales], dtype=output.dtype, device=output.device)
    means = []
    for scale in range(scales):
        if scale:
            output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
        luminance, structure = _similarity(output, target)
        last = scale == scales - 1
        means.append((luminance * structure if last else structure).mean((2, 3)))
    bounded = torch.stack(means, dim=-1).clamp(min=1e-6)
    return 1 - (bounded ** (weights / weights.sum())).prod(-1).mean()


def _check(output: Tensor, target: Tensor, scales: int) -> None:
    if output.shape != target.shape:
        raise ValueError(f"output {tuple(output.shape)} and target {tuple(target.shape)} differ in shape")
    side, needed = min(output.shape[2:]), WINDOW * 2 ** (scales - 1)
    if side < needed:
        raise ValueError(
            f"SSIM at {scales} scale(s) needs sides of {needed} pixels, not {side}: use larger patches or fewer scales"
        )


def _similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, at every window: two of (N, C, H - 10, W - 10)."""
    moments = _blur(torch.cat((x, y, x * x, y * y, x * y)))
    mx, my, xx, yy, xy = moments.chunk(5)
    luminance = (2 * mx * my + C1) / (mx * mx + my * my + C1)
    structure = (2 * (xy - mx * my) + C2) / (xx - mx * mx + yy - my * my + C2)
    return luminance, structure


def _blur(x: Tensor) -> Tensor:
    """Gaussian means: (N, C, H, W) to (N, C, H - 10, W - 10)."""
    taps = kornia.filters.get_gaussian_kernel1d(WINDOW, SIGMA, device=x.device, dtype=x.dtype)
    return kornia.filters.filter2d_separable(x, taps, taps, padding="valid")


class SsimOptions(LossOptions):
    """1 - SSIM: :func:`restore.losses.ssim.ssim`."""

    kind: Literal["ssim"] = "ssim"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(ssim)


class MsSsimOptions(LossOptions):
    """1 - MS-SSIM: :func:`restore.losses.ssim.ms_ssim`."""

    kind: Literal["ms-ssim"] = "ms-ssim"
    scales: int = Field(
        5, ge=1, le=5, description="five need target patches of 176 pixels; each scale fewer halves that"
    )

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(partial(ms_ssim, scales=self.scales))
