"""RLFN: residual local feature network.

Kong et al., "Residual local feature network for efficient super-resolution", CVPR workshops 2022; weights of
bytedance/RLFN.
"""

from __future__ import annotations

from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import Tensor, nn

from restore.networks.published.describe import described, shuffle_factor
from restore.networks.published.layers import SHORTEST, SpatialAttention, conv, leaky, upsampler
from restore.networks.published.value_range import scaled_call


class LocalFeatureBlock(nn.Module):
    """Three convolutions with a shortcut, and spatial attention."""

    def __init__(self, width: int, middle: int, inner: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = conv(width, middle), conv(middle, middle), conv(middle, width)
        self.c5 = conv(width, width, 1)
        self.esa = SpatialAttention(width, inner, activation=None)
        self.act = leaky()

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for layer in (self.c1_r, self.c2_r, self.c3_r):
            made = self.act(layer(made))
        attended: Tensor = self.esa(self.c5(made + x))
        return attended


class Rlfn(nn.Module):
    """RLFN, RLFN-S, and the pruned one of the NTIRE 2022 challenge."""

    def __init__(self, width: int, middle: int, inner: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.conv_1, self.conv_2 = conv(3, width), conv(width, width)
        self.names = [f"block_{number}" for number in range(1, blocks + 1)]
        for name in self.names:
            self.add_module(name, LocalFeatureBlock(width, middle, inner))
        self.upsampler = upsampler(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        first = made = self.conv_1(x)
        for name in self.names:
            made = self.get_submodule(name)(made)
        enlarged: Tensor = self.upsampler(self.conv_2(made) + first)
        return enlarged


class RlfnArchitecture(Architecture[nn.Module]):
    """RLFN and its variants. Some were trained on 0..255, which is found out by trying."""

    def __init__(self) -> None:
        super().__init__(
            id="RLFN", detect=KeyCondition.has_all("block_1.c3_r.weight", "block_1.esa.conv_f.weight", "conv_2.weight")
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        scale = shuffle_factor(state_dict["upsampler.0.weight"])
        network = Rlfn(
            width=state_dict["conv_1.weight"].shape[0],
            middle=state_dict["block_1.c1_r.weight"].shape[0],
            inner=state_dict["block_1.esa.conv_f.weight"].shape[0],
            blocks=len({key.split(".")[0] for key in state_dict if key.startswith("block_")}),
            scale=scale,
        )
        network.load_state_dict(state_dict)
        return described(self, network, state_dict, scale, minimum=SHORTEST, call=scaled_call(network, scale))
