"""A rectified flow from the mean of the possible results to one of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RectifiedFlow(nn.Module):
    """Posterior-mean rectified flow: Ohayon, Michaeli and Elad, ICLR 2025 (arXiv 2410.00418).

    The result of a network that was trained for fidelity, with a trace of noise, moves along a learned velocity field
    from time 0 to time 1, in equal steps (Euler's method). What it was restored from does not enter the field.

    Args:
        mean: the network that was trained for fidelity, of (N, 3, H, W) to (N, 3, scale * H, scale * W).
        velocity: of pictures (N, 3, scale * H, scale * W) on their way and times (1,).
        scale: enlargement of ``mean``.
        sigma: standard deviation of the noise, for pictures on 0..1.
        steps: number of steps.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1.
        - strength: (N,), 0..1. At scale 1 it goes from the unchanged picture, at others from the result of ``mean``, to
          that of the flow.
        - noise: (N, 3, scale * H, scale * W), of mean 0 and deviation 1.
        - result: (N, 3, scale * H, scale * W), not clipped.
    """

    def __init__(self, mean: nn.Module, velocity: nn.Module, scale: int, sigma: float, steps: int) -> None:
        super().__init__()
        self.mean, self.velocity = mean, velocity
        self.scale, self.sigma, self.steps = scale, sigma, steps

    def forward(self, x: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
        mean = self.mean(x).clamp(0, 1)
        now = mean + self.sigma * noise
        for step in range(self.steps):
            time = torch.full((1,), step / self.steps, dtype=now.dtype, device=now.device)
            now = now + self.velocity(now, time) / self.steps
        faithful = x if self.scale == 1 else mean
        made: Tensor = faithful + strength[:, None, None, None] * (now - faithful)
        return made


def way(mean: Tensor, target: Tensor, sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Points on straight ways from noisy means to targets, to train a velocity at.

    The times are spread evenly over the batch, one in each of N equal parts of 0..1.

    Args:
        mean: results of the network that was trained for fidelity, (N, 3, H, W) on 0..1.
        target: of the same shape.
        sigma: standard deviation of the noise.
        generator: source of the times and of the noise, on the CPU.

    Returns:
        The points (N, 3, H, W), their velocities of the same shape, and their times (N,).
    """
    count = len(mean)
    times = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    noise = torch.randn(mean.shape, generator=generator)
    source = mean + sigma * noise.to(mean)
    times = times.to(mean)
    return torch.lerp(source, target, times[:, None, None, None]), target - source, times
