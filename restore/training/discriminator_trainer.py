"""Training of the discriminator: one update per step, before the update of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from restore.losses.adversarial import gradient_penalty, r1_penalty
from restore.losses.adversarial_term import Opponent
from restore.networks.discriminators.base import DiscriminatorNetwork
from restore.training.distributed import Team
from restore.training.optimizers import build_optimizer
from restore.training.recipe import Discriminator


@dataclass(frozen=True)
class DiscriminatorTrainer:
    """A discriminator, its options and its optimizer."""

    options: Discriminator
    network: nn.Module
    optimizer: torch.optim.Optimizer

    @classmethod
    def build(cls, options: Discriminator, device: torch.device) -> DiscriminatorTrainer:
        """A discriminator with new weights, drawn from torch's global generator."""
        network = options.network.build().to(device).to(memory_format=torch.channels_last)
        return cls(options, network, build_optimizer(options.optimizer, network.parameters()))

    @property
    def opponent(self) -> Opponent:
        """The view of the discriminator that losses get."""
        return Opponent(self.network, self.options.form)

    def logits(self, x: Tensor) -> Tensor:
        """Logits for pictures (N, 3, H, W) on 0..1."""
        assert isinstance(self.network, DiscriminatorNetwork)
        return self.network.logits(x)

    def learn(
        self,
        judged: Iterable[tuple[Tensor, Tensor]],
        step: int,
        rate: float,
        generator: torch.Generator,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
        team: Team | None = None,
        pieces: int = 1,
    ) -> Tensor:
        """Do one update, or nothing before the step at which the discriminator begins.

        Args:
            judged: ``pieces`` pairs of network output (N, 3, H, W), which is detached, and photographs of the same
                shape, on 0..1.
            step: step of the run, from 0.
            rate: learning rate as a fraction of its peak.
            generator: randomness for the penalty.
            autocast: context manager that sets the precision of forward passes.
            team: processes to average gradients over; only this process by default.
            pieces: number of pairs in ``judged``; their gradients are averaged.

        Returns:
            The loss including the penalty; 0 if the discriminator has not begun.
        """
        options, total = self.options, torch.zeros((), device=next(self.network.parameters()).device)
        if step < options.begin:
            return total
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        for fake, real in judged:
            with autocast():
                loss = self._loss(fake.detach(), real, step, generator) / pieces
            torch.autograd.backward(loss)
            total = total + loss.detach()
        (team or Team()).average_gradients(self.network.parameters())
        for group in self.optimizer.param_groups:
            group["lr"] = options.optimizer.lr * rate
        self.optimizer.step()
        return total

    def _loss(self, fake: Tensor, real: Tensor, step: int, generator: torch.Generator) -> Tensor:
        options = self.options
        sides = self.opponent.sides
        loss = options.weight * sides.discriminator(self.logits(fake), self.logits(real))
        if options.penalty is not None and step % options.penalty.every == 0:
            loss = loss + options.penalty.weight * options.penalty.every * self._penalty(fake, real, generator)
        return loss

    def _penalty(self, fake: Tensor, real: Tensor, generator: torch.Generator) -> Tensor:
        assert self.options.penalty is not None
        if self.options.penalty.kind == "r1":
            return r1_penalty(self.logits, real)
        # The seed is drawn on the CPU, so that it is the same for every device.
        positions = torch.Generator(real.device).manual_seed(int(torch.randint(2**62, (), generator=generator)))
        return gradient_penalty(self.logits, fake, real, positions)
