"""Gradient checkpointing: save memory by computing the inside of a network's blocks twice.

Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpoint_blocks(network: nn.Module) -> int:
    """Make a network keep only the inputs of its blocks between its forward and backward pass.

    Blocks are the elements of its lists and sequences that have at least two layers with weights. Those with batch
    norm are left alone, because its statistics would be updated twice. Weights and gradients do not change.

    Returns:
        The number of blocks.

    Raises:
        ValueError: there are none.
    """
    count = _wrap(network)
    if not count:
        raise ValueError(
            f"train.checkpointing: {type(network).__name__} has no blocks to compute twice; remove it, and use "
            "train.accumulate to save memory"
        )
    return count


def _wrap(module: nn.Module) -> int:
    count = 0
    for child in module.children():
        if isinstance(module, nn.ModuleList | nn.Sequential) and _is_block(child):
            # An attribute of the object: names of weights stay as they are.
            child.forward = partial(_recomputed, child, child.forward)
            count += 1
        else:
            count += _wrap(child)
    return count


def _is_block(module: nn.Module) -> bool:
    layers = [part for part in module.modules() if any(True for _ in part.parameters(recurse=False))]
    return len(layers) > 1 and not any(isinstance(part, _BatchNorm) for part in module.modules())


def _recomputed(module: nn.Module, forward: Callable[..., object], *args: object, **kwargs: Any) -> object:
    if not module.training:
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)
