"""The adversarial loss of a recipe: the generator's side, against the discriminator that is trained alongside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from restore.losses.adversarial import ADVERSARIAL, Adversarial
from restore.losses.base import ALONE, DiscriminatorView, LossTerm, TargetFreeOptions, TrainingContext
from restore.losses.contrastive.frozen import frozen
from restore.networks.discriminators.base import DiscriminatorNetwork

Form = Literal["vanilla", "lsgan", "hinge", "relativistic", "wgan", "contrastive"]


@dataclass(frozen=True)
class Opponent:
    """A discriminator that is trained elsewhere.

    Attributes:
        network: a module with ``logits(x)``.
        form: of the adversarial loss, the same on both sides.
    """

    network: nn.Module
    form: Form

    @property
    def sides(self) -> Adversarial:
        """Both sides of the loss."""
        return ADVERSARIAL[self.form]

    def logits(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) RGB on 0..1 to logits of any shape."""
        assert isinstance(self.network, DiscriminatorNetwork)
        return self.network.logits(x)


class FrozenDiscriminator(nn.Module):
    """A discriminator as an encoder for a loss, with parameters and statistics unchanged.

    Args:
        network: a discriminator that is an :class:`restore.encoders.encoder.Encoder`, too.

    Raises:
        ValueError: it is not.
    """

    def __init__(self, network: Any) -> None:
        if not hasattr(network, "channels"):
            raise ValueError(f"{type(network).__name__} provides no features: use the discriminator 'haar' or 'unet'")
        super().__init__()
        self.network = network
        self.channels: list[int] = network.channels

    def forward(self, x: Tensor) -> list[Tensor]:
        with frozen(self.network):
            features: list[Tensor] = self.network(x)
        return features


class AdversarialTerm(LossTerm):
    """The generator's side of an adversarial loss; the discriminator gets no gradient from it."""

    def __init__(self, opponent: DiscriminatorView) -> None:
        super().__init__()
        self.opponent = opponent

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        with frozen(self.opponent.network):
            fake = self.opponent.logits(output)
            real = fake
            if self.opponent.sides.compares:
                with torch.no_grad():
                    real = self.opponent.logits(target)
        return self.opponent.sides.generator(fake, real)


class AdversarialOptions(TargetFreeOptions):
    """Fool the recipe's discriminator, which also sets the form of the loss."""

    kind: Literal["adversarial"] = "adversarial"

    @property
    def uses_discriminator(self) -> bool:
        return True

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        if context.discriminator is None:
            raise ValueError("adversarial needs a discriminator")
        return AdversarialTerm(context.discriminator)
