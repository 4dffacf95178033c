"""Charbonnier between Laplacians."""

from __future__ import annotations

from typing import Literal

import kornia
import torch
from torch import Tensor

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext
from restore.losses.full_precision import full_precision
from restore.losses.pixel import charbonnier

_TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)


@full_precision
def edge(output: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2), d the difference of the Laplacians; ``epsilon`` is best.

    Zamir et al., "Multi-stage progressive image restoration" (MPRNet), CVPR 2021: the Laplacian is the finest level of
    Burt and Adelson's pyramid, the picture minus its blurred, halved, doubled and blurred version. Borders are
    replicated.

    Args:
        output: (N, C, H, W), 0..1, any size.
        target: the same shape and range.
        epsilon: on the scale of the pixels.
    """
    difference = laplacian(output - target)  # the filter is linear: one pass instead of two
    return charbonnier(difference, torch.zeros_like(difference), epsilon)


def laplacian(x: Tensor) -> Tensor:
    """The finest level of a Laplacian pyramid: (N, C, H, W) to the same shape, with mean about 0."""
    small = _blur(x)[..., ::2, ::2]
    sparse = torch.zeros_like(x)
    sparse[..., ::2, ::2] = 4 * small
    return x - _blur(sparse)


def _blur(x: Tensor) -> Tensor:
    """The pyramid's 5 x 5 filter, with replicated borders."""
    taps = x.new_tensor([_TAPS])
    return kornia.filters.filter2d_separable(x, taps, taps, border_type="replicate")


class EdgeOptions(LossOptions):
    """Compare Laplacians: :func:`restore.losses.edge.edge`."""

    kind: Literal["edge"] = "edge"

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(edge)
