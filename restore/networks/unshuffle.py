"""Pixels of a square into channels, as one strided convolution."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def pixel_unshuffle(x: Tensor, factor: int) -> Tensor:
    """The inverse of :func:`torch.nn.functional.pixel_shuffle`, by a convolution whose kernels are one 1 each.

    torch's own is exported to ONNX as a dozen nodes that work with shapes, and was once exported in another order
    (pytorch issue 186080). A convolution is one node that has no order to choose, and its sums of zeros are exact.

    Shape:
        (N, C, factor * H, factor * W) to (N, C * factor**2, H, W).
    """
    kernels = torch.eye(factor * factor, dtype=x.dtype, device=x.device).view(-1, 1, factor, factor)
    return F.conv2d(x, kernels.repeat(x.shape[1], 1, 1, 1), stride=factor, groups=x.shape[1])
