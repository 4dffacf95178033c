"""How grainy pictures are, to tell those that noise hides from those that have lost detail."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from restore.losses.full_precision import full_precision
from restore.losses.pixel import luma

CELL = 8


@full_precision
def grain(pictures: Tensor) -> Tensor:
    """Fine variation in the smooth parts of pictures: high under noise and film grain, low after blur and JPEG.

    The mean absolute difference between luma and its mean over 3 x 3 pixels, in cells of 8 x 8 pixels; the first
    quartile of all cells. Texture and edges fill some cells of most pictures, noise fills all.

    Args:
        pictures: (N, 3, H, W), RGB on 0..1, at least 8 x 8 pixels.

    Returns:
        (N,), on 0..1. Gray noise with deviation s gives about 0.6 s.
    """
    gray = luma(pictures)
    fine = (gray - F.avg_pool2d(F.pad(gray, (1, 1, 1, 1), mode="replicate"), 3, 1)).abs()
    return torch.quantile(F.avg_pool2d(fine, CELL).flatten(1), 0.25, dim=1)
