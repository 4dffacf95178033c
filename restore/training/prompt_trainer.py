"""Training of prompts. In CLIP-LIT, prompts and network take turns to learn."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.prompts import LatentPrompts, PromptJudge, TextPrompts
from restore.training.distributed import Team
from restore.training.optimizers import build_optimizer
from restore.training.recipe import Guidance as Options

Turn = Literal["begin", "network", "refine"]
_PROMPTS = {"latent": LatentPrompts, "text": TextPrompts}


@dataclass(frozen=True)
class PromptTrainer:
    """Prompts, their optimizer, and a copy of the network from an earlier round.

    Attributes:
        options: ``guidance`` of the recipe.
        judge: compares pictures with the prompts.
        earlier: copy of the network as it was at the end of the last round but one.
        optimizer: optimizer of the prompts.
    """

    options: Options
    judge: PromptJudge
    earlier: nn.Module
    optimizer: torch.optim.Optimizer

    @classmethod
    def build(cls, options: Options, network: nn.Module, device: torch.device) -> PromptTrainer:
        """A trainer with new prompts.

        Raises:
            RestoreError: the weights of the encoder, or a package, are missing.
            ValueError: text prompts with an encoder that does not read text.
        """
        encoder = options.encoder.build().to(device)
        prompts = _PROMPTS[options.prompts](encoder).to(device)
        judge = PromptJudge(Embedding(encoder, options.side).to(device), prompts)
        earlier = copy.deepcopy(network).requires_grad_(False)
        return cls(options, judge, earlier, build_optimizer(options.optimizer, prompts.parameters()))

    def turn(self, step: int) -> tuple[Turn, int]:
        """Whose turn it is at ``step`` (from 0), and in which round (from 0)."""
        options = self.options
        step -= options.begin
        if step < 0:
            return "begin", 0
        step -= options.reconstruct
        if step < 0:
            return "network", 0
        number, within = divmod(step, options.enhance + options.refine)
        return ("network" if within < options.enhance else "refine"), number

    def network_steps(self, steps: int) -> int:
        """How many of the first ``steps`` steps train the network."""
        options = self.options
        rest = max(0, steps - options.begin)
        rounds, within = divmod(max(0, rest - options.reconstruct), options.enhance + options.refine)
        return min(rest, options.reconstruct) + rounds * options.enhance + min(within, options.enhance)

    def learn(
        self, pieces: list[tuple[Tensor, Tensor]], network: nn.Module, step: int, rate: float, team: Team
    ) -> tuple[Tensor, Tensor]:
        """Do one step of the prompts.

        Args:
            pieces: parts of a batch, whose gradients are averaged: pictures to restore (N, 3, h, w), and good pictures.
            network: the current network; the prompts rank its results between the two.
            step: step of the run, from 0.
            rate: learning rate as a fraction of its peak.
            team: processes to average gradients over.

        Returns:
            The loss, and the norm of its gradient.
        """
        turn, number = self.turn(step)
        total = torch.zeros((), device=next(self.judge.prompts.parameters()).device)
        self.optimizer.zero_grad(set_to_none=True)
        for bad, good in pieces:
            if turn == "begin":
                loss = self.judge.telling_apart(bad, good)
            else:
                with torch.no_grad():
                    between = [made(bad).float() for made in ([self.earlier, network] if number else [network])]
                loss = self.options.weight * self.judge.ranking(bad, good, between)
            torch.autograd.backward(loss / len(pieces))
            total = total + loss.detach() / len(pieces)
        team.average_gradients(self.judge.prompts.parameters())
        norm = nn.utils.get_total_norm([p.grad for p in self.judge.prompts.parameters() if p.grad is not None])
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.optimizer.lr * rate
        self.optimizer.step()
        if turn == "refine" and self.turn(step + 1)[0] == "network":
            self.earlier.load_state_dict(network.state_dict())
        return total, norm
