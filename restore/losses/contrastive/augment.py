"""Targets made slightly better or worse: sharpened, blurred or noisy. Each picture gets its own draw.

All functions take and return float RGB (B, 3, H, W) on 0..1.
"""

from __future__ import annotations

import kornia
import torch
from torch import Tensor

from restore.losses.contrastive import random_draws


def sharpen(images: Tensor, factor: tuple[float, float], generator: torch.Generator) -> Tensor:
    """f x + (1 - f) smooth(x), clipped, with f uniform on ``factor``: 1 changes nothing, below 1 smooths.

    The smoothing filter is PIL's 3x3; the outermost pixels do not change.
    """
    drawn = random_draws.uniform((len(images),), *factor, generator, images)
    sharpened: Tensor = kornia.enhance.sharpness(images, drawn)
    return sharpened


def blur(images: Tensor, kernel: tuple[int, int], sigma: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Gaussian blur with reflected borders; each axis has its own kernel size and deviation.

    Args:
        images: (B, 3, H, W), both sides longer than half the largest kernel.
        kernel: smallest and largest size in pixels, both odd; all odd sizes in between are equally likely.
        sigma: smallest and largest standard deviation in pixels, drawn uniformly.
        generator: source of randomness.
    """
    smallest, largest = kernel
    sizes = smallest + 2 * random_draws.whole((2, len(images)), (largest - smallest) // 2 + 1, generator, images.device)
    sigmas = random_draws.uniform((2, len(images)), *sigma, generator, images)
    rows, columns = _gaussian(sizes, sigmas, largest)
    return kornia.filters.filter2d_separable(images, columns, rows, border_type="reflect")


def _gaussian(sizes: Tensor, sigmas: Tensor, length: int) -> Tensor:
    """Kernels that sum to 1 and are zero beyond their own size: (...,) and (...,) to (..., length)."""
    x = torch.arange(length, device=sizes.device) - length // 2
    exponent = -0.5 * (x / sigmas[..., None]) ** 2
    return torch.softmax(exponent.masked_fill(x.abs() > sizes[..., None] // 2, -torch.inf), dim=-1)


def noise(images: Tensor, sigma: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Add Gaussian noise and clip. Its standard deviation, on the 0..1 scale, is uniform on ``sigma``."""
    drawn = random_draws.uniform((len(images), 1, 1, 1), *sigma, generator, images)
    return (images + drawn * random_draws.normal(images.shape, generator, images)).clamp(0, 1)


def quantize(images: Tensor) -> Tensor:
    """Round to the 8-bit grid, as a stored picture is, and clip."""
    return (images.clamp(0, 1) * 255).round() / 255
