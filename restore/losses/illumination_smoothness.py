"""Illumination smoothness: light changes slowly except at the picture's edges."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from restore.losses.base import ALONE, InputTerm, LossTerm, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision

# Luma that counts as black.
_DARK = 0.02


@full_precision
def illumination_smoothness(output: Tensor, source: Tensor, sharpness: float = 1.2) -> Tensor:
    """Variation of the logarithm of the gain from source to output, less where the source has edges; 0 is best.

    The smoothness term of Wang et al., "Underexposed photo enhancement using deep illumination estimation" (DeepUPE),
    CVPR 2019, on the gain that was applied, S, with the mean intensities Y and I of output and source::

        S = log((Y + d) / (I + d));  mean of |dS| * (1 + |d log(I + d)| / d) ** -sharpness over both directions

    Args:
        output: (N, C, H, W), 0..1; below 0 counts as 0.
        source: the picture that was enhanced, the same shape and range.
        sharpness: how strongly edges of the source reduce the weight.

    Raises:
        ValueError: the shapes differ.
    """
    if output.shape != source.shape:
        raise ValueError(f"output {tuple(output.shape)} and source {tuple(source.shape)} differ in shape")
    enhanced, original = ((x.mean(1).clamp(min=0) + _DARK).log() for x in (output, source))
    gain = enhanced - original
    parts = []
    for side in (1, 2):
        weight = (1 + original.diff(dim=side).abs() / _DARK).pow(-sharpness)
        parts.append((gain.diff(dim=side).abs() * weight).sum())
    return torch.stack(parts).sum() / (2 * gain.numel())


class IlluminationSmoothnessOptions(TargetFreeOptions):
    """Prefer a smooth gain: :func:`restore.losses.illumination_smoothness.illumination_smoothness`."""

    kind: Literal["illumination-smoothness"] = "illumination-smoothness"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return InputTerm(illumination_smoothness)
