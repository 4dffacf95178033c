"""Pattern: a regular error at the period of the pixel shuffle."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision


@full_precision
def pattern(output: Tensor, target: Tensor, period: int = 2, cells: int = 8) -> Tensor:
    """How much the error repeats with a period; 0 is best.

    A network that ends in a pixel shuffle makes the pixels of a square by different filters, and so with slightly
    different errors. Over a smooth sky, that shows as a weave. Pixel losses hardly see it: it is weaker than the grain
    that they compare it with. Averaged over an area, the grain vanishes and the weave remains.

    The error, output - target, is split into the ``period`` ^ 2 phases of its pixels; each phase is averaged over areas
    of ``cells`` x ``cells`` squares. The loss is the mean absolute difference between a phase and the mean of all
    phases.

    Args:
        output: (N, C, H, W), 0..1.
        target: the same shape and range.
        period: period of the pattern, pixels: the factor of the last pixel shuffle.
        cells: side of the areas, in periods; reduced to that of a smaller picture.

    Raises:
        ValueError: the shapes differ, or the pictures are smaller than one period.
    """
    if output.shape != target.shape:
        raise ValueError(f"output {tuple(output.shape)} and target {tuple(target.shape)} differ in shape")
    height, width = (n // period for n in output.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"{output.shape[-1]} x {output.shape[-2]} pixels are smaller than a period of {period}")
    error = (output - target)[..., : height * period, : width * period]
    phases = F.pixel_unshuffle(error, period)
    means = F.avg_pool2d(phases, (min(cells, height), min(cells, width)))
    means = means.reshape(len(means), output.shape[1], period**2, -1)
    loss: Tensor = (means - means.mean(2, keepdim=True)).abs().mean()
    return loss


class PatternOptions(LossOptions):
    """Leave no weave: :func:`restore.losses.pattern.pattern`."""

    kind: Literal["pattern"] = "pattern"
    period: int = Field(
        2, ge=2, le=16, description="period of the pattern, pixels: the factor of the last pixel shuffle"
    )
    cells: int = Field(8, ge=1, description="side of the areas that errors are averaged over, in periods")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(partial(pattern, period=self.period, cells=self.cells))
