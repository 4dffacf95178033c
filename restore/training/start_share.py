"""Keep a share of the weights that a run started from, and with it what the start does better.

Fine-tuning on new data costs some quality on the old. Between the weights before and after, nearly all of the new is
learned while little of the old is lost yet (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022; in
super-resolution known as network interpolation: Wang et al., "ESRGAN", ECCV workshops 2018).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def mixed(trained: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights between those at the start and the trained ones.

    Args:
        trained: by name.
        start: of the same network.
        share: of the start, 0..1; whatever is not floating point is that of ``trained``.

    Raises:
        KeyError: ``start`` lacks a tensor.
        RuntimeError: a tensor has another shape.
    """
    if share == 0:
        return dict(trained)
    return {
        name: torch.lerp(value, start[name].to(value), share) if value.is_floating_point() else value
        for name, value in trained.items()
    }
