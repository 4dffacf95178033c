"""What a model needs of its input: sides, and what lies around a tile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from restore.networks.base import NetworkOptions, border_of
from restore.training.flow_options import Flow


@dataclass(frozen=True)
class InputNeeds:
    """Fields of a model's spec that its recipe determines, in pixels of the input.

    Attributes:
        halo: how far from an output pixel's position input pixels can affect it.
        border: pixels to mirror around a picture.
        multiple: both sides must be a multiple of this.
        minimum: the shortest side.
        exact_tiles: whether tiles with that halo match the whole picture.
    """

    halo: int
    border: int
    multiple: int
    minimum: int
    exact_tiles: bool

    @classmethod
    def of_network(cls, network: NetworkOptions, scale: int) -> Self:
        """Those of a network that is a model by itself."""
        return cls(
            network.halo(scale),
            network.border(scale),
            network.multiple(scale),
            network.minimum(),
            network.exact_tiles(),
        )

    @classmethod
    def of_flow(cls, flow: Flow, velocity: NetworkOptions, scale: int, steps: int) -> Self:
        """Those of a network and the flow behind it, whose steps each see further.

        Args:
            flow: names the network.
            velocity: works on pictures of the result's size.
            scale: of the network.
            steps: of the flow.
        """
        first, own = cls.of_network(flow.network, scale), velocity.multiple(1)
        halo = first.halo + -(-steps * velocity.halo(1) // scale)
        multiple = math.lcm(first.multiple, own // math.gcd(own, scale))
        border = -(-(first.border + border_of(halo, multiple)) // multiple) * multiple
        minimum = max(first.minimum, -(-velocity.minimum() // scale))
        return cls(halo, border, multiple, minimum, first.exact_tiles and velocity.exact_tiles())
