"""Pixel-wise losses, on RGB or on luma."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

# BT.601 luma on the 0..1 scale; only differences matter, so there is no offset.
_LUMA = (65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0)


@full_precision
def luma(image: Tensor) -> Tensor:
    """BT.601 luma without its offset, (N, 3, H, W) to (N, 1, H, W)."""
    weights = torch.tensor(_LUMA, dtype=image.dtype, device=image.device)
    return F.conv2d(image, weights[None, :, None, None])


@full_precision
def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference; 0 is best."""
    return F.l1_loss(output, target)


@full_precision
def charbonnier(output: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2), a smooth L1 (Charbonnier et al., 1994); ``epsilon`` is best.

    ``epsilon`` is on the scale of the pixels, 0..1.
    """
    difference = output - target
    return torch.sqrt(difference * difference + epsilon * epsilon).mean()


@full_precision
def l2(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, what PSNR measures; 0 is best."""
    return F.mse_loss(output, target)


@full_precision
def psnr(output: Tensor, target: Tensor, epsilon: float = 1e-8) -> Tensor:
    """Negative mean PSNR of the pictures, in dB; nearly correct pictures count as much as poor ones.

    After Chen et al., "HINet", CVPR workshops 2021. ``epsilon`` is added to each picture's mean squared difference:
    errors far below its root count little, and equal pictures score -10 log10(epsilon) dB.
    """
    errors = (output - target).square().flatten(1).mean(1)
    return 10 * torch.log10(errors + epsilon).mean()


class PixelOptions(LossOptions):
    """Compare pixels one by one: :mod:`restore.losses.pixel`."""

    kind: Literal["l1", "charbonnier", "l2"]
    space: Literal["rgb", "luma"] = Field("rgb", description="compare all channels, or luma only")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        function = {"l1": l1, "charbonnier": charbonnier, "l2": l2}[self.kind]
        return PairTerm(partial(_of_luma, function) if self.space == "luma" else function)


class PsnrOptions(LossOptions):
    """Negative PSNR of each picture: :func:`restore.losses.pixel.psnr`."""

    kind: Literal["psnr"] = "psnr"
    epsilon: PositiveFloat = Field(1e-8, description="added to a picture's mean squared difference")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(partial(psnr, epsilon=self.epsilon))


def _of_luma(function: Callable[[Tensor, Tensor], Tensor], output: Tensor, target: Tensor) -> Tensor:
    return function(luma(output), luma(target))
