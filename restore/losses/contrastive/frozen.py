"""Freeze an encoder temporarily."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(encoder: nn.Module) -> Iterator[nn.Module]:
    """Put the encoder in eval mode with constant parameters, and restore its state afterwards.

    Gradients still reach the encoder's input, even if ``backward`` is called later. A loss can therefore use an encoder
    that is trained elsewhere, such as a discriminator's trunk, without affecting its gradients or BatchNorm statistics.
    """
    modes = [(module, module.training) for module in encoder.modules()]
    learning = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    encoder.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield encoder
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
        for module, training in modes:
            module.training = training
