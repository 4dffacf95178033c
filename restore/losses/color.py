"""Color: the direction of RGB, regardless of its length."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

# Added to all channels of both: near black, color is undefined.
_GRAY = 0.02


@full_precision
def color(output: Tensor, target: Tensor) -> Tensor:
    """Mean of 1 - cos of the angle between the RGB of output and target, pixel by pixel; 0 is best, at most 2.

    The color loss of Wang et al., "Underexposed photo enhancement using deep illumination estimation" (DeepUPE), CVPR
    2019, with the angle's cosine in place of the angle, whose gradient is unbounded where the two agree.

    Args:
        output: (N, 3, H, W), RGB, 0..1.
        target: the same.
    """
    return (1 - F.cosine_similarity(output + _GRAY, target + _GRAY, dim=1)).mean()


class ColorOptions(LossOptions):
    """Compare the directions of RGB vectors: :func:`restore.losses.color.color`."""

    kind: Literal["colour"] = "colour"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(color)
