"""In which precision the networks of a run compute."""

from __future__ import annotations

from typing import Literal

import torch

from restore.runtime.cpu import BF16_FEATURES, cpu_features
from restore.training.recipe import Recipe

Precision = Literal["bf16", "fp16", "fp32"]


def precision_of(recipe: Recipe, device: torch.device) -> Precision:
    """As in the recipe, but fp32 on a processor that would have to emulate it."""
    wanted = recipe.train.precision
    native = device.type != "cpu" or (wanted == "bf16" and cpu_features() & BF16_FEATURES)
    return wanted if native else "fp32"


def autocast_of(precision: Precision, device: torch.device) -> torch.autocast:
    """A context manager that sets the precision of forward passes."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")
