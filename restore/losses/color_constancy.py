"""Gray world: the channels' means should agree."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from restore.losses.base import ALONE, LossTerm, PairTerm, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def color_constancy(output: Tensor) -> Tensor:
    """Sum of the squared differences of the means of R, G and B, averaged over pictures; 0 is best, at most 2.

    Guo et al., "Zero-reference deep curve estimation" (Zero-DCE), CVPR 2020, equation 5. The released code takes the
    root of the sum of fourth powers instead, whose gradient at a gray picture is NaN.

    Args:
        output: (N, 3, H, W), RGB, 0..1; it has no target.
    """
    means = output.mean((2, 3))
    red, green, blue = means.unbind(1)
    return ((red - green).square() + (green - blue).square() + (blue - red).square()).mean()


class ColorConstancyOptions(TargetFreeOptions):
    """Gray-world assumption: equal channel means: :func:`restore.losses.color_constancy.color_constancy`."""

    kind: Literal["colour-constancy"] = "colour-constancy"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(lambda output, _: color_constancy(output))
