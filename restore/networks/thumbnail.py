"""Thumbnail and pixel positions for networks that take context from the whole picture."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def whole(x: Tensor, side: int, by: Literal["mean", "middle"] = "mean") -> tuple[Tensor, Tensor, Tensor]:
    """Thumbnail, rows and columns of whole pictures.

    Args:
        x: (N, C, H, W).
        side: of the thumbnail.
        by: whether a pixel of the thumbnail is the mean of its area or the area's middle pixel.

    Returns:
        (N, C, side, side); (N, H); (N, W).
    """
    count, _, height, width = x.shape
    small = x
    if (height, width) != (side, side):
        if by == "middle":
            small = x[:, :, _middles(height, side, x)][:, :, :, _middles(width, side, x)]
        else:
            small = _areas(height, side, x) @ x @ _areas(width, side, x).T
    rows, columns = (((torch.arange(n, dtype=x.dtype, device=x.device) + 0.5) / n)[None] for n in (height, width))
    return small, rows.expand(count, height), columns.expand(count, width)


def _middles(length: int, side: int, like: Tensor) -> Tensor:
    """Indices (side,) of the middle pixels of ``side`` equal segments of a line; a middle on an edge rounds up."""
    return (2 * torch.arange(side, device=like.device) + 1) * length // (2 * side)


def _areas(length: int, side: int, like: Tensor) -> Tensor:
    """Weights (side, length) that average a line of pixels over ``side`` equal segments."""
    edges = torch.arange(side + 1, dtype=torch.float64) * (length / side)
    pixels = torch.arange(length, dtype=torch.float64)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (shared.clamp(min=0) * (side / length)).to(like)
