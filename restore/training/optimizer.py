"""From the options of a recipe to an optimiser."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from restore.training.recipe import Optimizer


def build_optimizer(options: Optimizer, *groups: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam or AdamW over one or more groups of parameters, empty ones left out."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.kind]
    filled = [{"params": parameters} for group in groups if (parameters := list(group))]
    optimizer: torch.optim.Optimizer = kind(
        filled, lr=options.lr, betas=options.betas, weight_decay=options.weight_decay, fused=True
    )
    return optimizer
