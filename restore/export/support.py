"""How far a network's gradient reaches: the context that its tiles need, whatever the picture."""

from __future__ import annotations

import torch
from torch import nn

_LONGEST = 1024


def gradient_support(network: nn.Module, scale: int, multiple: int, minimum: int) -> int | None:
    """Input pixels before and after a step of ``multiple`` pixels that its result depends on, along either axis.

    Where the gradient of an output is not zero, the output looks. Strips are grown until it ends before they do.

    Args:
        network: float32 (N, 3, H, W) to (N, 3, scale * H, scale * W), in evaluation mode.
        scale: see above.
        multiple: what cuts are made at, and sides are multiples of.
        minimum: the shortest side.

    Returns:
        The reach; None when it is longer than can be looked for, or everywhere.
    """
    across = -(-max(minimum, 24) // multiple) * multiple
    length = 128
    while length <= _LONGEST:
        along = -(-max(length, 2 * minimum) // (2 * multiple)) * 2 * multiple
        found = [_along(network, scale, multiple, along, across, axis) for axis in (3, 2)]
        if None not in found:
            return max(reach for reach in found if reach is not None)
        length *= 2
    return None


def _along(network: nn.Module, scale: int, multiple: int, along: int, across: int, axis: int) -> int | None:
    draw = torch.Generator().manual_seed(0)
    size = (1, 3, across, along) if axis == 3 else (1, 3, along, across)
    start = along // 2 // multiple * multiple
    seen = torch.zeros(along, dtype=torch.bool)
    for _ in range(2):  # a unit that happens to be off in one picture is on in another
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
