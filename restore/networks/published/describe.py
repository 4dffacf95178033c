"""Describe a published network to the code that builds it, as spandrel does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spandrel import Architecture, ImageModelDescriptor, SizeRequirements, StateDict
from torch import Tensor, nn


def described(
    architecture: Architecture[nn.Module],
    network: nn.Module,
    state_dict: StateDict,
    scale: int,
    multiple: int = 1,
    tags: Sequence[str] = (),
    minimum: int = 1,
    call: Callable[[nn.Module, Tensor], Tensor] = lambda network, x: network(x),
) -> ImageModelDescriptor[nn.Module]:
    """A network with its weights, as spandrel describes one.

    Args:
        architecture: of the network.
        network: without its weights.
        state_dict: the weights.
        scale: output side over input side.
        multiple: both sides must be a multiple of this.
        tags: variants.
        minimum: the shortest side.
        call: calls the network with RGB on 0..1.
    """
    return ImageModelDescriptor(
        network,
        state_dict,
        architecture=architecture,
        purpose="SR" if scale > 1 else "Restoration",
        tags=list(tags),
        supports_half=True,
        supports_bfloat16=True,
        scale=scale,
        input_channels=3,
        output_channels=3,
        size_requirements=SizeRequirements(minimum=minimum, multiple_of=multiple),
        call_fn=call,
    )


def shuffle_factor(weight: Tensor) -> int:
    """The factor of a pixel shuffle to RGB, by the weight of the convolution before it."""
    return int((weight.shape[0] // 3) ** 0.5)
