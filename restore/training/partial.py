"""Train a part of a network: only some layers, or at one strength."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class AtStrength(nn.Module):
    """A network at one strength.

    Args:
        network: of a picture (N, 3, H, W) and a strength (N,).
        strength: 0..1.
    """

    def __init__(self, network: nn.Module, strength: float) -> None:
        super().__init__()
        self.network, self.strength = network, strength

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.network(x, x.new_full((len(x),), self.strength))
        return made


def freeze_all_but(names: Sequence[str], network: nn.Module) -> None:
    """Stop the gradient of every parameter outside of the named parts.

    Args:
        names: of parts, such as ``tail`` or ``blocks.5``; none means all.
        network: is changed.

    Raises:
        ValueError: a name belongs to no part with parameters.
    """
    if not names:
        return
    parameters = dict(network.named_parameters())
    for name in names:
        if not any(_inside(own, name) for own in parameters):
            parts = ", ".join(dict.fromkeys(own.split(".")[0] for own in parameters))
            raise ValueError(f"train.only: the network has no part {name!r} to train; it has {parts}")
    for own, parameter in parameters.items():
        if not any(_inside(own, name) for name in names):
            parameter.requires_grad_(False)


def _inside(parameter: str, part: str) -> bool:
    return parameter == part or parameter.startswith(f"{part}.")
