"""Spatial consistency: neighboring regions keep their contrast."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, InputTerm, LossTerm, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def spatial_consistency(output: Tensor, source: Tensor, region: int = 4) -> Tensor:
    """Squared change of the contrast between a region and its neighbors, averaged over regions; 0 is best.

    Guo et al., "Zero-reference deep curve estimation" (Zero-DCE), CVPR 2020, equation 3, K regions i and the up to
    four regions j next to each, Y and I their mean intensities in the output and in the source::

        1/K sum_i sum_j (|Y_i - Y_j| - |I_i - I_j|)^2

    Regions at the border have fewer neighbors; the released code assumes black neighbors there, and omits the absolute
    values.

    Args:
        output: (N, C, H, W), 0..1, at least two regions high and wide; remainders at the right and bottom
            are ignored.
        source: the picture that was enhanced, the same shape and range. It is no target: the output may be brighter.
        region: side in pixels.

    Raises:
        ValueError: the picture is smaller than two regions, or the shapes differ.
    """
    if output.shape != source.shape:
        raise ValueError(f"output {tuple(output.shape)} and source {tuple(source.shape)} differ in shape")
    if min(output.shape[2:]) < 2 * region:
        height, width = output.shape[2:]
        raise ValueError(f"a picture of {height} x {width} has no two regions of {region}: use larger patches")
    enhanced = F.avg_pool2d(output.mean(1), region)
    original = F.avg_pool2d(source.mean(1), region)
    changes = [(enhanced.diff(dim=side).abs() - original.diff(dim=side).abs()).square().sum() for side in (1, 2)]
    return 2 * torch.stack(changes).sum() / enhanced.numel()  # each pair of neighbors is seen from both sides


class SpatialConsistencyOptions(TargetFreeOptions):
    """Preserve the contrasts of the input: :func:`restore.losses.spatial_consistency.spatial_consistency`."""

    kind: Literal["spatial-consistency"] = "spatial-consistency"
    region: PositiveInt = Field(4, description="side of a region, pixels")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return InputTerm(lambda output, input: spatial_consistency(output, input, self.region))
