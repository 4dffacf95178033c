"""The distance of LPIPS between feature maps, with its gradient, in parts that fit into the processor's cache."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Of the package lpips, against a division by zero.
_EPSILON = 1e-10
# Values of a part: half a megabyte in float32, of which several are in use at once.
_PART = 2**17


def unit_distance(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """Mean over positions of ``sum(weights * (u - v)^2)``, u and v being the maps' channels, scaled to unit length.

    Written with torch's operations, this would pass over each map a dozen times, forward and backward, in float32; at
    full size, that takes longer than the convolutions of the network that made them.

    Args:
        first: (N, C, H, W); half precision is computed in float32.
        second: the same.
        weights: (C,), get no gradient.

    Returns:
        A scalar, in float32 or the maps' higher precision. Its gradient is 0 where all channels are 0.
    """
    with torch.autocast(first.device.type, enabled=False):
        value: Tensor = _UnitDistance.apply(first, second, weights)
    return value


class _UnitDistance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
        wanted = ctx.needs_input_grad[:2]
        maps = [_by_position(first), _by_position(second)]
        count, channels = maps[0].shape
        precision = torch.promote_types(first.dtype, torch.float32)
        weights = weights.to(precision)
        total = first.new_zeros((), dtype=torch.float64)
        slopes = [torch.empty_like(one) if want else None for one, want in zip(maps, wanted, strict=True)]
        step = max(1, _PART // channels) if first.device.type == "cpu" else count
        for at in range(0, count, step):
            parts = [one[at : at + step].to(precision) for one in maps]
            sizes = [part.norm(dim=1, keepdim=True) for part in parts]
            units = [part / (size + _EPSILON) for part, size in zip(parts, sizes, strict=True)]
            difference = units[0] - units[1]
            weighted = difference * weights
            total += torch.dot(difference.flatten(), weighted.flatten())
            for slope, unit, size, sign in zip(slopes, units, sizes, (2, -2), strict=True):
                if slope is not None:
                    along = (weighted * unit).sum(dim=1, keepdim=True)
                    share = torch.where(size > 0, sign / (size + _EPSILON), 0)
                    torch.mul(torch.addcmul(weighted, unit, along, value=-1), share, out=slope[at : at + step])
        # Their mean is taken later, together with the factor of a gradient scaler: alone it is too small for fp16.
        ctx.slopes = [None if slope is None else _as_map(slope, first) for slope in slopes]
        ctx.count = count
        return (total / count).to(precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        factor = gradient / ctx.count
        first, second = (None if slope is None else slope * factor.to(slope.dtype) for slope in ctx.slopes)
        return first, second, None


def _by_position(features: Tensor) -> Tensor:
    """(N, C, H, W) to (N * H * W, C); a view in channels-last order."""
    return features.detach().permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _as_map(rows: Tensor, like: Tensor) -> Tensor:
    count, channels, height, width = like.shape
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)
