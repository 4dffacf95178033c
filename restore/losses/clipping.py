"""Clipping: loss of highlights and shadows that the target preserves, and of black that turns gray."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision

# Values at least one and a half levels of 255 away from an end are not rounded to it.
_END = 1.5 / 255


@full_precision
def clipping(output: Tensor, target: Tensor, black: float = 16 / 255) -> Tensor:
    """How much the output clips where the target does not, and how much it lifts black; 0 is best.

    With o and t for output and target, e for 1.5 levels of 255 and Y for the mean of R, G and B::

        mean of max(0, o - max(t, 1 - e)) + max(0, min(t, e) - o)  over channels
        + mean of max(0, Y(o) - Y(t)) where Y(t) < black

    Both means are over all pixels, so that the loss grows with the affected area.

    Args:
        output: (N, 3, H, W), RGB, 0..1 and beyond: the network's result before it is clipped.
        target: the same shape, on 0..1.
        black: mean of the target's R, G and B below which a pixel should stay black, on 0..1.

    Raises:
        ValueError: the shapes differ.
    """
    if output.shape != target.shape:
        raise ValueError(f"output {tuple(output.shape)} and target {tuple(target.shape)} differ in shape")
    white = (output - target.clamp(min=1 - _END)).clamp(min=0)
    below = (target.clamp(max=_END) - output).clamp(min=0)
    wanted = target.mean(1)
    lifted = torch.where(wanted < black, (output.mean(1) - wanted).clamp(min=0), torch.zeros_like(wanted))
    return (white + below).mean() + lifted.mean()


class ClippingOptions(LossOptions):
    """Preserve highlights and blacks: :func:`restore.losses.clipping.clipping`."""

    kind: Literal["clipping"] = "clipping"
    black: float = Field(
        16 / 255, ge=0, lt=1, description="mean of the target's R, G and B below which a pixel stays black"
    )

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(partial(clipping, black=self.black))
