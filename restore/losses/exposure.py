"""Exposure: regions should be neither too dark nor overexposed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossTerm, PairTerm, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def exposure_control(output: Tensor, level: float = 0.6, region: int = 16) -> Tensor:
    """Mean of |Y - level| over regions that do not overlap, Y a region's mean intensity; 0 is best.

    Guo et al., "Zero-reference deep curve estimation" (Zero-DCE), CVPR 2020, equation 4; the released code squares.

    Args:
        output: (N, C, H, W), 0..1, at least one region large; remainders at the right and bottom are
            ignored. It has no target.
        level: the desired intensity, 0..1.
        region: side in pixels.

    Raises:
        ValueError: the picture is smaller than a region.
    """
    if min(output.shape[2:]) < region:
        height, width = output.shape[2:]
        raise ValueError(f"a picture of {height} x {width} has no region of {region}: use larger patches")
    regions = F.avg_pool2d(output.mean(1, keepdim=True), region)
    return (regions - level).abs().mean()


class ExposureOptions(TargetFreeOptions):
    """Avoid regions that are too dark or overexposed: :func:`restore.losses.exposure.exposure_control`."""

    kind: Literal["exposure"] = "exposure"
    level: float = Field(0.6, gt=0, lt=1, description="the desired intensity")
    region: PositiveInt = Field(16, description="side of a region, pixels")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(lambda output, _: exposure_control(output, self.level, self.region))
