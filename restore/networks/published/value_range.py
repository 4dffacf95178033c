"""Find out by trying whether a network that enlarges works on 0..1 or on 0..255."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SIDE = 32
_WHITE = 255.0


def scaled_call(network: nn.Module, scale: int) -> Callable[[nn.Module, Tensor], Tensor]:
    """A function that calls a network with RGB on 0..1 as the range needs on which it returns the colors of its input.

    Args:
        network: with its weights.
        scale: output side over input side.
    """
    ramp, flat = torch.linspace(0.1, 0.9, _SIDE), torch.ones(_SIDE)
    picture = torch.stack([ramp.outer(flat), flat.outer(ramp.flip(0)), ramp.outer(ramp)])[None]

    @torch.no_grad()
    def error(white: float) -> float:
        given = picture.to(next(network.parameters())) * white
        return float((F.avg_pool2d(network(given), scale) - given).abs().mean()) / white

    return call_255 if error(_WHITE) < error(1.0) else call_1


def call_1(network: nn.Module, x: Tensor) -> Tensor:
    """Call a network for 0..1."""
    made: Tensor = network(x)
    return made


def call_255(network: nn.Module, x: Tensor) -> Tensor:
    """Call a network for 0..255 with a picture on 0..1."""
    made: Tensor = network(x * _WHITE)
    return made / _WHITE
