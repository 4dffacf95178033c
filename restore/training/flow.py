"""Training of a rectified flow: the network that it begins at, and points on the way to train at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from restore.networks.base import deployed
from restore.networks.rectified_flow import RectifiedFlow, way
from restore.runtime.noise import noise_field
from restore.training.checkpoint import fit
from restore.training.flow_options import Flow
from restore.training.start_weights import read_start, start_file


@dataclass(frozen=True)
class FlowTrainer:
    """The network for fidelity of a rectified flow, which stays as it is.

    Attributes:
        options: ``flow`` of the recipe.
        scale: of the recipe.
        mean: the network; its weights are read by :meth:`begin` or from a checkpoint.
    """

    options: Flow
    scale: int
    mean: nn.Module

    @classmethod
    def build(cls, options: Flow, scale: int, device: torch.device) -> FlowTrainer:
        """A trainer whose ``mean`` has no trained weights yet.

        Raises:
            ValueError: that network cannot enlarge by ``scale``.
        """
        mean = options.network.build(scale).to(device).to(memory_format=torch.channels_last)
        return cls(options, scale, mean.eval().requires_grad_(False))

    def begin(self) -> str:
        """Read the weights of ``mean`` from its file.

        Returns:
            Text that identifies where they are from.

        Raises:
            ModelError: they cannot be read, or are of another network.
        """
        file = start_file(self.options.mean)
        start = read_start(file, self.mean)
        fit(self.mean, {**self.mean.state_dict(), **start.tensors}, file, "flow.network")
        return start.description

    @torch.no_grad()
    def depart(
        self,
        low: Tensor,
        high: Tensor,
        generator: torch.Generator,
        autocast: Callable[[], AbstractContextManager[object]],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Points to train at, their velocities, and their times.

        Args:
            low: inputs (N, 3, h, w) on 0..1.
            high: targets (N, 3, scale * h, scale * w) on 0..1.
            generator: source of all randomness, on the CPU.
            autocast: context manager that sets the precision of forward passes.
        """
        with autocast():
            mean = self.mean(low).float().clamp(0, 1)
        points, velocities, times = way(mean, high, self.options.sigma, generator)
        return points.contiguous(memory_format=torch.channels_last), velocities, times

    def sampler(self, velocity: nn.Module, steps: int | None = None) -> RectifiedFlow:
        """The network to validate and to export, in evaluation mode: of a picture, a strength and noise.

        Args:
            velocity: the trained network.
            steps: of the flow; None for the recipe's.
        """
        flow = self.options
        return RectifiedFlow(deployed(self.mean), velocity, self.scale, flow.sigma, steps or flow.steps).eval()


class WithNoise(nn.Module):
    """A rectified flow of a picture alone: at strength 1, with the noise that exported files are given by default.

    Args:
        flow: of a picture (N, 3, H, W), a strength (N,) and noise of the size of its result.
    """

    def __init__(self, flow: RectifiedFlow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> Tensor:
        count, _, height, width = x.shape
        noise = noise_field(range(height * self.flow.scale), range(width * self.flow.scale))
        made: Tensor = self.flow(x, x.new_ones(count), torch.from_numpy(noise).to(x).expand(count, -1, -1, -1))
        return made
