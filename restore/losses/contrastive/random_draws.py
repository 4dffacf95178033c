"""Random numbers from a given generator, moved to the device that needs them.

With a CPU generator, all devices draw the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def uniform(shape: Sequence[int], low: float, high: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Uniform on low..high, with the device and type of ``like``."""
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
    return drawn.mul_(high - low).add_(low).to(like)


def normal(shape: Sequence[int], generator: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal, with the device and type of ``like``."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32).to(like)


def whole(shape: Sequence[int], high: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Whole numbers 0..high-1, int64."""
    return torch.randint(high, shape, generator=generator, device=generator.device).to(device)


def permutation(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """0..n-1 in random order, int64."""
    return torch.randperm(n, generator=generator, device=generator.device).to(device)
