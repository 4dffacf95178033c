"""How much of what happened to pictures blur does not explain, to tell those out of focus from all others."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from restore.losses.full_precision import full_precision
from restore.losses.pixel import luma

_DEVIATIONS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
_MARGIN = 8  # pixels of the border that depend on what lies outside
_LEAST = 1e-4  # of a mean difference, on 0..1: less is no damage


@full_precision
def beside_blur(inputs: Tensor, targets: Tensor) -> Tensor:
    """The difference between inputs and their blurred targets, divided by that between inputs and targets.

    Of Gaussians of six deviations, 0.5 to 2.8 pixels, the one counts that comes closest. Differences are mean absolute
    ones of luma.

    Args:
        inputs: (N, 3, H, W), RGB on 0..1.
        targets: of the same shape.

    Returns:
        (N,): 0 where a Gaussian explains everything; about 0.1 to 0.3 for other blurs and for blur with a little noise;
        0.7 to 1 for JPEG and noise; 1 and more for undamaged pictures.
    """
    low, high = luma(inputs), luma(targets)
    between = _distance(low, high).clamp_min(_LEAST)
    return torch.stack([_distance(low, _blurred(high, deviation)) for deviation in _DEVIATIONS]).amin(0) / between


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of each of (N, 1, H, W) but near the border: (N,)."""
    difference = (one - other).abs()
    if min(difference.shape[2:]) >= 4 * _MARGIN:
        difference = difference[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return difference.mean((1, 2, 3))


def _blurred(gray: Tensor, deviation: float) -> Tensor:
    """(N, 1, H, W) under a Gaussian, with replicated borders."""
    radius = math.ceil(3 * deviation)
    places = torch.arange(-radius, radius + 1, dtype=gray.dtype, device=gray.device)
    weights = torch.exp(-0.5 * (places / deviation) ** 2)
    weights = weights / weights.sum()
    padded = F.pad(gray, (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
