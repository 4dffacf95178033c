"""What a network that judges the whole picture is given of it, where the whole picture is at hand."""

from __future__ import annotations

import torch
from torch import Tensor


def whole(x: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Thumbnail, rows and columns of pictures that are there as a whole.

    Args:
        x: (N, C, H, W).
        side: of the thumbnail.

    Returns:
        (N, C, side, side), every pixel the average of its area; (N, H); (N, W).
    """
    count, _, height, width = x.shape
    small = x
    if (height, width) != (side, side):
        small = _areas(height, side, x) @ x @ _areas(width, side, x).T
    rows, columns = (((torch.arange(n, dtype=x.dtype, device=x.device) + 0.5) / n)[None] for n in (height, width))
    return small, rows.expand(count, height), columns.expand(count, width)


def _areas(length: int, side: int, like: Tensor) -> Tensor:
    """Weights (side, length) that average a line of pixels over ``side`` equal stretches."""
    edges = torch.arange(side + 1, dtype=torch.float64) * (length / side)
    pixels = torch.arange(length, dtype=torch.float64)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (shared.clamp(min=0) * (side / length)).to(like)
