"""L1 between spectra."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def frequency(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of the 2-D Fourier transforms; 0 is best.

    Cho et al., "Rethinking coarse-to-fine approach in single image deblurring" (MIMO-UNet), ICCV 2021. The transform
    is orthonormal, so that the loss is of the size of a pixel's difference whatever the patch: the paper's transform
    is sqrt(H W) times as large, and so is its weight of 0.1 on a patch of H x W.

    Args:
        output: (N, C, H, W), 0..1, any size.
        target: the same shape and range.
    """
    spectrum = torch.fft.fft2(output - target, norm="ortho")
    parts = torch.view_as_real(spectrum)
    return F.l1_loss(parts, torch.zeros_like(parts))


class FrequencyOptions(LossOptions):
    """Spectra compared: :func:`restore.losses.frequency.frequency`."""

    kind: Literal["frequency"] = "frequency"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(frequency)
