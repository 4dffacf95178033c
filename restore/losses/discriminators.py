"""Every discriminator by name, and what a loss must know of one that is trained beside the network.

One explicit table, ``DISCRIMINATORS``. A discriminator is a module with ``logits(x)``: (N, 3, H, W) RGB on 0..1 to
logits of any shape; one that is an encoder too lends its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from restore.losses.adversarial import ADVERSARIAL, Adversarial
from restore.losses.contrastive.frozen import frozen

Form = Literal["vanilla", "lsgan", "hinge", "relativistic", "wgan", "contrastive"]


@dataclass(frozen=True)
class Opponent:
    """A discriminator that is trained elsewhere.

    Attributes:
        network: a module with ``logits(x)``.
        form: of the adversarial loss, the same on both sides.
    """

    network: Any
    form: Form

    @property
    def sides(self) -> Adversarial:
        """Both losses."""
        return ADVERSARIAL[self.form]

    def logits(self, x: Any) -> Any:
        """Its opinion."""
        return self.network.logits(x)

    def encoder(self) -> Held:
        """Its features, for a loss that borrows them.

        Raises:
            ValueError: it has none to lend.
        """
        return Held(self.network)


class Held(nn.Module):
    """A discriminator as an encoder that a loss may use and not change: its parameters and statistics are held.

    Args:
        network: an encoder (:class:`restore.encoders.encoder.Encoder`).

    Raises:
        ValueError: it is none.
    """

    def __init__(self, network: Any) -> None:
        if not hasattr(network, "channels"):
            raise ValueError(f"{type(network).__name__} has no features to lend: use the discriminator 'haar'")
        super().__init__()
        self.network = network
        self.channels: list[int] = network.channels

    def forward(self, x: Tensor) -> list[Tensor]:
        with frozen(self.network):
            features: list[Tensor] = self.network(x)
        return features
