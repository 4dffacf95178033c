"""Pixel shuffles that export well: the last layer of a super-resolution network, and the inverse."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AnchoredShuffle(nn.Module):
    """Add the input to the detail, each pixel repeated, and shuffle (the anchor of ABPN, Du et al., CVPRW 2021).

    The layers before learn only what nearest-neighbor enlargement lacks.

    Args:
        scale: enlargement, a whole number.
        channels: 3 for RGB.
        unshuffle: factor by which the picture was unshuffled, if the layers work at a fraction of its size.

    Shape:
        With f = unshuffle, detail (N, channels * (f * scale)**2, H, W) and picture (N, channels * f**2, H, W) to
        (N, channels, f * scale * H, f * scale * W).
    """

    repeat: Tensor

    def __init__(self, scale: int, channels: int = 3, unshuffle: int = 1) -> None:
        super().__init__()
        self.factor = unshuffle * scale
        # Which pixel of a square of the picture each pixel of the enlarged square repeats.
        square = torch.arange(unshuffle * unshuffle).view(unshuffle, unshuffle)
        source = square.repeat_interleave(scale, dim=0).repeat_interleave(scale, dim=1).flatten()
        repeat = torch.kron(torch.eye(channels), torch.eye(unshuffle * unshuffle)[source])
        self.register_buffer("repeat", repeat[:, :, None, None], persistent=False)

    def forward(self, detail: Tensor, picture: Tensor) -> Tensor:
        with torch.autocast(picture.device.type, enabled=False):  # the picture itself must not be rounded to bf16
            anchor = F.conv2d(picture, self.repeat.to(picture.dtype))
            return F.pixel_shuffle(detail.to(picture.dtype) + anchor, self.factor)


def pixel_unshuffle(x: Tensor, factor: int) -> Tensor:
    """The inverse of :func:`torch.nn.functional.pixel_shuffle`, by a convolution whose kernels are one 1 each.

    torch's own is exported to ONNX as a dozen nodes that compute shapes, and one version exported it with the wrong
    channel order (pytorch issue 186080). A convolution is a single node with a fixed order, and its sums of zeros are
    exact.

    Shape:
        (N, C, factor * H, factor * W) to (N, C * factor**2, H, W).
    """
    kernels = torch.eye(factor * factor, dtype=x.dtype, device=x.device).view(-1, 1, factor, factor)
    return F.conv2d(x, kernels.repeat(x.shape[1], 1, 1, 1), stride=factor, groups=x.shape[1])
