"""Total variation: how much a picture, or a map, changes from pixel to pixel."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from restore.losses.base import ALONE, LossTerm, PairTerm, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def total_variation(image: Tensor, power: int = 1) -> Tensor:
    """Mean of |difference|^power of neighbors in a column, plus that of neighbors in a row; 0 is best.

    ``power`` 1 is the anisotropic total variation (Rudin, Osher and Fatemi, 1992), which keeps edges; 2 smooths, as
    Zero-DCE does for its curve maps (Guo et al., CVPR 2020).

    Args:
        image: (N, C, H, W), both sides at least 2; it has no target.
        power: 1 or 2.
    """
    down = image[..., 1:, :] - image[..., :-1, :]
    along = image[..., 1:] - image[..., :-1]
    if power == 1:
        return down.abs().mean() + along.abs().mean()
    return down.square().mean() + along.square().mean()


class TotalVariationOptions(TargetFreeOptions):
    """Prefer a smooth output: :func:`restore.losses.total_variation.total_variation`."""

    kind: Literal["total-variation"] = "total-variation"
    power: Literal[1, 2] = Field(1, description="of the differences of neighbors: absolute, or squared")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(lambda output, _: total_variation(output, self.power))
