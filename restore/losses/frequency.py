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
    is orthonormal, so that the loss is on the scale of a pixel difference for any patch size. The paper's transform is
    sqrt(H W) times as large, so its weight of 0.1 corresponds to 0.1 sqrt(H W) here, for a patch of H x W.

    Args:
        output: (N, C, H, W), 0..1, any size.
        target: the same shape and range.
    """
    spectrum = torch.fft.fft2(output - target, norm="ortho")
    parts = torch.view_as_real(spectrum)
    return F.l1_loss(parts, torch.zeros_like(parts))


class FrequencyOptions(LossOptions):
    """Compare Fourier spectra: :func:`restore.losses.frequency.frequency`."""

    kind: Literal["frequency"] = "frequency"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(frequency)
