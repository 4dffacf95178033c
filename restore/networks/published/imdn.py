"""IMDN: information multi-distillation network, and its variants for other tasks.

Hui et al., "Lightweight image super-resolution with information multi-distillation network", ACM MM 2019; weights of
Zheng222/IMDN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import Tensor, nn

from restore.networks.published.describe import described, shuffle_factor
from restore.networks.published.layers import ContrastAttention, FusedBlocks, conv, leaky, upsampler

_BLOCKS = 6


class DistillationBlock(nn.Module):
    """Sets a part of the channels aside after each convolution, and joins the parts.

    Args:
        width: channels.
        attention: with attention by contrast; the variant RTC has none.
    """

    def __init__(self, width: int, attention: bool = True) -> None:
        super().__init__()
        self.aside = width // 4
        rest = width - self.aside
        self.c1, self.c2, self.c3 = conv(width, width), conv(rest, width), conv(rest, width)
        self.c4 = conv(rest, self.aside)
        self.c5 = conv(4 * self.aside, width, 1)
        self.act = leaky()
        if attention:
            self.cca = ContrastAttention(4 * self.aside)
        self._attention = attention

    def forward(self, x: Tensor) -> Tensor:
        parts, rest = [], x
        for layer in (self.c1, self.c2, self.c3):
            made = self.act(layer(rest))
            parts.append(made[:, : self.aside])
            rest = made[:, self.aside :]
        joined = torch.cat([*parts, self.c4(rest)], 1)
        change: Tensor = self.c5(self.cca(joined) if self._attention else joined)
        return x + change


class WideDistillationBlock(nn.Module):
    """The block of the variant RTE: six convolutions with ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.aside = aside = width // 4
        rest = width - aside
        self.c1, self.c2, self.c3 = conv(width, width), conv(rest, width), conv(rest, width)
        self.c4, self.c5, self.c6 = conv(rest, rest), conv(rest - aside, rest - aside), conv(aside, aside)
        self.c7 = conv(6 * aside, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts, rest = [], x
        for layer in (self.c1, self.c2, self.c3, self.c4, self.c5):
            made = torch.relu(layer(rest))
            parts.append(made[:, : self.aside])
            rest = made[:, self.aside :]
        change: Tensor = self.c7(torch.cat([*parts, torch.relu(self.c6(rest))], 1))
        return x + change


class Imdn(FusedBlocks):
    """IMDN, and IMDN_AS (``strided``), which works on a quarter of the size and returns the size of its input."""

    def __init__(self, width: int, factor: int, strided: bool = False) -> None:
        head = (
            nn.Sequential(conv(3, width, stride=2), leaky(), conv(width, width, stride=2))
            if strided
            else conv(3, width)
        )
        blocks = {f"IMDB{number}": DistillationBlock(width) for number in range(1, _BLOCKS + 1)}
        super().__init__(head, blocks, width, factor)


class Shortcut(nn.Module):
    """Adds the result of layers to their input."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.sub = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.sub(x)
        return x + made


class ImdnRtc(nn.Module):
    """IMDN_RTC, for video calls."""

    def __init__(self, width: int, blocks: int, factor: int) -> None:
        super().__init__()
        body = [DistillationBlock(width, attention=False) for _ in range(blocks)]
        self.model = nn.Sequential(
            conv(3, width), Shortcut([*body, conv(width, width, 1)]), *upsampler(width, factor).children()
        )

    def forward(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.model(x)
        return enlarged


class ImdnRte(nn.Module):
    """IMDN_RTE, which works on half the size."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.fea_conv = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, width, stride=2, bias=False))
        self.names = [f"block{number}" for number in range(1, _BLOCKS + 1)]
        for name in self.names:
            self.add_module(name, WideDistillationBlock(width))
        self.LR_conv = conv(width, width, 1, bias=False)
        self.upsampler = upsampler(width, factor)

    def forward(self, x: Tensor) -> Tensor:
        first = made = self.fea_conv(x)
        for name in self.names:
            made = self.get_submodule(name)(made)
        enlarged: Tensor = self.upsampler(self.LR_conv(made) + first)
        return enlarged


class ImdnArchitecture(Architecture[nn.Module]):
    """IMDN and IMDN_AS."""

    def __init__(self) -> None:
        super().__init__(
            id="IMDN", detect=KeyCondition.has_all("IMDB1.cca.conv_du.0.weight", "LR_conv.weight", "upsampler.0.weight")
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        strided = "fea_conv.0.weight" in state_dict
        width, factor = state_dict["LR_conv.weight"].shape[0], shuffle_factor(state_dict["upsampler.0.weight"])
        scale, tags = (factor // 4, ["AS"]) if strided else (factor, [])
        return described(self, Imdn(width, factor, strided), state_dict, scale, 4 if strided else 1, tags)


class ImdnRtcArchitecture(Architecture[nn.Module]):
    """IMDN_RTC."""

    def __init__(self) -> None:
        super().__init__(id="IMDN_RTC", detect=KeyCondition.has_all("model.1.sub.0.c5.weight", "model.2.weight"))

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        blocks = len({key.split(".")[3] for key in state_dict if key.startswith("model.1.sub.") and ".c1." in key})
        scale = shuffle_factor(state_dict["model.2.weight"])
        return described(self, ImdnRtc(state_dict["model.0.weight"].shape[0], blocks, scale), state_dict, scale)


class ImdnRteArchitecture(Architecture[nn.Module]):
    """IMDN_RTE."""

    def __init__(self) -> None:
        super().__init__(id="IMDN_RTE", detect=KeyCondition.has_all("block1.c7.weight", "fea_conv.2.weight"))

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        factor = shuffle_factor(state_dict["upsampler.0.weight"])
        network = ImdnRte(state_dict["LR_conv.weight"].shape[0], factor)
        return described(self, network, state_dict, factor // 2, 2)
