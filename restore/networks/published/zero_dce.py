"""Zero-DCE: curves that brighten a picture, estimated for each pixel.

Guo et al., "Zero-reference deep curve estimation for low-light image enhancement", CVPR 2020; weights of
Li-Chongyi/Zero-DCE.
"""

from __future__ import annotations

import torch
from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import Tensor, nn

from restore.networks.published.describe import described
from restore.networks.published.layers import conv


class ZeroDce(nn.Module):
    """Applies quadratic curves one after another; the published network has eight."""

    def __init__(self, width: int, curves: int) -> None:
        super().__init__()
        self.e_conv1, self.e_conv2, self.e_conv3, self.e_conv4 = (conv(3 if i == 0 else width, width) for i in range(4))
        self.e_conv5, self.e_conv6 = conv(2 * width, width), conv(2 * width, width)
        self.e_conv7 = conv(2 * width, 3 * curves)

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.e_conv1(x))
        second = torch.relu(self.e_conv2(first))
        third = torch.relu(self.e_conv3(second))
        made = torch.relu(self.e_conv4(third))
        made = torch.relu(self.e_conv5(torch.cat([third, made], 1)))
        made = torch.relu(self.e_conv6(torch.cat([second, made], 1)))
        for curve in torch.split(torch.tanh(self.e_conv7(torch.cat([first, made], 1))), 3, 1):
            x = x + curve * (x * x - x)
        return x


class ZeroDceArchitecture(Architecture[nn.Module]):
    """Zero-DCE for RGB."""

    def __init__(self) -> None:
        super().__init__(id="Zero-DCE", detect=KeyCondition.has_all("e_conv1.weight", "e_conv7.weight"))

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        network = ZeroDce(state_dict["e_conv1.weight"].shape[0], state_dict["e_conv7.weight"].shape[0] // 3)
        return described(self, network, state_dict, 1)
