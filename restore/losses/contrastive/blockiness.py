"""How blocky pictures are, to tell those that JPEG has damaged from those that are out of focus."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from restore.losses.pixel import luma

_GRID = 8


def blockiness(pictures: Tensor) -> Tensor:
    """How much neighbors differ more across the borders of JPEG's 8 x 8 blocks than elsewhere.

    The measure of ``restore dataset check`` (:func:`restore.data.preparation.photo_facts.blockiness`), for batches. It
    is less sure of small patches: among those of 64 pixels, about 1 in 12 of a JPEG of quality 50 is below 1.2.

    Args:
        pictures: (N, 3, H, W), RGB on 0..1; the borders may begin at any pixel.

    Returns:
        (N,): about 1.1 without compression, 1.5 for a JPEG of quality 50; 1 for pictures under 33 pixels.
    """
    gray = 255 * luma(pictures.float()).squeeze(1)
    if min(gray.shape[1:]) <= 4 * _GRID:
        return gray.new_ones(len(gray))
    ratios = []
    for axis in (1, 2):
        steps = gray.diff(dim=axis).abs().mean(dim=3 - axis)
        steps = F.pad(steps, (0, -steps.shape[1] % _GRID), value=torch.nan)
        # Medians: a few strong edges of the subject must not count as borders.
        phases = torch.nanquantile(steps.reshape(len(steps), -1, _GRID), 0.5, dim=1)
        most = phases.amax(dim=1)
        rest = (phases.sum(dim=1) - most) / (_GRID - 1)
        ratios.append((most + 0.1) / (rest + 0.1))
    return torch.stack(ratios).mean(dim=0)
