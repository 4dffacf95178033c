"""A 3x3 convolution that trains as a sum of branches and runs as one plain convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Second-order and first-order derivative filters, as in the Edge-oriented Convolution Block.
_EDGES = (
    ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
)


class ReparamConv(nn.Module):
    """3x3 convolution, stride 1, zero padding, over-parameterized in weight space.

    The branches are those of ECB (Zhang et al., "Edge-oriented Convolution Block for Real-time Super Resolution on
    Mobile Devices", ACM MM 2021): a plain 3x3, a 1x1 that widens followed by a 3x3, 1x1s followed by scaled Sobel and
    Laplacian filters, and the identity if the channel counts match. ECB runs every branch over the picture in
    training; here the *kernels* are summed first (a convolution of convolutions is a convolution), and a single
    convolution runs. A training step therefore costs hardly more than for a plain network, and :meth:`folded` is exact
    by construction.

    Args:
        inputs: input channels.
        outputs: output channels.
        widen: width of the 1x1-3x3 branch as a multiple of ``outputs``.

    Shape:
        (N, inputs, H, W) to (N, outputs, H, W).
    """

    edges: Tensor

    def __init__(self, inputs: int, outputs: int, widen: float = 2.0) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.weight = nn.Parameter(plain.weight.detach().clone())
        self.bias = nn.Parameter(plain.state_dict()["bias"].clone())
        middle = max(1, int(outputs * widen))
        self.squeeze = nn.Parameter(nn.Conv2d(inputs, middle, 1).weight.detach()[:, :, 0, 0].clone())
        self.expand = nn.Parameter(nn.Conv2d(middle, outputs, 3).weight.detach().clone())
        self.edge_mix = nn.Parameter(torch.randn(len(_EDGES), outputs, inputs) * inputs**-0.5)
        self.edge_scale = nn.Parameter(torch.randn(len(_EDGES), outputs) * 1e-3)
        self.register_buffer("edges", torch.tensor(_EDGES), persistent=False)
        self.identity = inputs == outputs

    def kernel(self) -> Tensor:
        """The 3x3 kernel equivalent to the branches, (outputs, inputs, 3, 3)."""
        weight: Tensor = self.weight
        weight = weight + torch.einsum("omhw,mi->oihw", self.expand, self.squeeze)
        weight = weight + torch.einsum("eo,eoi,ehw->oihw", self.edge_scale, self.edge_mix, self.edges)
        if self.identity:
            eye = torch.eye(weight.shape[0], dtype=weight.dtype, device=weight.device)
            weight = weight + F.pad(eye[:, :, None, None], (1, 1, 1, 1))
        return weight

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # keep the low bits of the sum
            weight = self.kernel()
        return F.conv2d(x, weight, self.bias, padding=1)

    @torch.no_grad()
    def folded(self) -> nn.Conv2d:
        """The same function as an ordinary convolution."""
        outputs, inputs = self.weight.shape[:2]
        conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        conv.load_state_dict({"weight": self.kernel(), "bias": self.bias})
        return conv.to(self.weight.device)
