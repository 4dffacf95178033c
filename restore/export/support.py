"""Receptive field by gradient: the context that tiles need, for any picture."""

from __future__ import annotations

import torch
from torch import nn

_LONGEST = 1024


def gradient_support(
    network: nn.Module, scale: int, multiple: int, minimum: int, least: int = 0, most: int = _LONGEST
) -> int | None:
    """Number of input pixels around a block of ``multiple`` pixels that its result depends on, along either axis.

    An output depends on the inputs with nonzero gradient. Strips are enlarged until the gradient ends inside them.

    Args:
        network: float32 (N, 3, H, W) to (N, 3, scale * H, scale * W), in evaluation mode.
        scale: output side over input side.
        multiple: sides and tile positions are multiples of this.
        minimum: the shortest side.
        least: a reach that is known to matter; shorter strips are not tried.
        most: the largest reach of interest.

    Returns:
        The reach; None if it exceeds ``most`` or the search limit, or is global.
    """
    across = -(-max(minimum, 16) // multiple) * multiple
    length = 128
    while length <= _LONGEST:
        along = -(-max(length, 2 * minimum) // (2 * multiple)) * 2 * multiple
        length *= 2
        ahead = along // 2 - multiple
        if ahead <= least:
            continue
        reach = 0
        for axis in (3, 2):
            if (found := _along(network, scale, multiple, along, across, axis)) is None:
                break
            reach = max(reach, found)
        else:
            return reach if reach <= most else None
        if ahead >= most:
            break
    return None


def _along(network: nn.Module, scale: int, multiple: int, along: int, across: int, axis: int) -> int | None:
    draw = torch.Generator().manual_seed(0)
    size = (1, 3, across, along) if axis == 3 else (1, 3, along, across)
    start = along // 2 // multiple * multiple
    seen = torch.zeros(along, dtype=torch.bool)
    for _ in range(2):  # a unit that is inactive on one picture may be active on another
        x = torch.rand(size, generator=draw).requires_grad_()
        with torch.enable_grad():
            kept = network(x).narrow(axis, start * scale, multiple * scale)
            (kept * torch.rand(kept.shape, generator=draw)).sum().backward()
        assert x.grad is not None
        seen |= (x.grad != 0).any(dim=5 - axis).any(dim=1)[0]
    places = torch.nonzero(seen).flatten()
    if len(places) == 0:
        return 0
    first, last = int(places.min()), int(places.max())
    if first == 0 or last == along - 1:
        return None
    return max(0, start - first, last - (start + multiple - 1))
