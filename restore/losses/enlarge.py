"""Inputs brought to the size of their targets, so that losses can compare them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def enlarged(input: Tensor, height: int, width: int) -> Tensor:
    """An input resized to its target's size, bicubic and clipped: (N, 3, h, w) to (N, 3, height, width).

    When enlarging, ``antialias`` only selects the kernel: that of PIL and of the literature (a = -0.5).
    """
    if input.shape[-2:] == (height, width):
        return input
    return F.interpolate(input, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
