"""Options of basicsr's architectures. basicsr, which is slow to import and optional, is imported when one is built."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from restore.networks.base import NetworkOptions
from restore.networks.basicsr_adapter import basicsr_arch

# basicsr subtracts DIV2K's mean by default; without that, pixels stay on 0..1 for any data set.
_NO_MEAN = (0.0, 0.0, 0.0)


class CompactOptions(NetworkOptions):
    """basicsr's SRVGGNetCompact (Real-ESRGAN's small network): PReLU, nearest-neighbor skip."""

    kind: Literal["compact"] = "compact"
    width: int = Field(64, ge=1, description="channels")
    depth: int = Field(16, ge=0, description="convolutions between the first and the last")
    activation: Literal["relu", "prelu", "leakyrelu"] = Field(
        "prelu", description="activation after each convolution except the last"
    )

    def build(self, scale: int) -> nn.Module:
        arch = basicsr_arch("srvgg_arch", "SRVGGNetCompact")
        network: nn.Module = arch(3, 3, self.width, self.depth, upscale=scale, act_type=self.activation)
        return network

    def halo(self, scale: int) -> int:
        return self.depth + 2


class EdsrOptions(NetworkOptions):
    """basicsr's EDSR (Lim et al., CVPRW 2017)."""

    kind: Literal["edsr"] = "edsr"
    width: int = Field(64, ge=1, description="channels")
    blocks: int = Field(16, ge=1, description="residual blocks of two convolutions")
    residual_scale: float = Field(1.0, description="factor of each block's branch; the paper's large network has 0.1")

    def build(self, scale: int) -> nn.Module:
        arch = basicsr_arch("edsr_arch", "EDSR")
        network: nn.Module = arch(
            3, 3, self.width, self.blocks, scale, self.residual_scale, img_range=1.0, rgb_mean=_NO_MEAN
        )
        return network

    def halo(self, scale: int) -> int:
        return 2 * self.blocks + 2 + _upsampler_halo(scale)


class RcanOptions(NetworkOptions):
    """basicsr's RCAN (Zhang et al., ECCV 2018). Its channel attention pools the whole picture, so tiles differ."""

    kind: Literal["rcan"] = "rcan"
    width: int = Field(64, ge=1, description="channels")
    groups: int = Field(10, ge=1, description="residual groups")
    blocks: int = Field(16, ge=1, description="residual blocks of a group")
    squeeze: int = Field(16, ge=1, description="reduction factor of the channels within the channel attention")

    def build(self, scale: int) -> nn.Module:
        arch = basicsr_arch("rcan_arch", "RCAN")
        network: nn.Module = arch(
            3, 3, self.width, self.groups, self.blocks, self.squeeze, scale, img_range=1.0, rgb_mean=_NO_MEAN
        )
        return network

    def halo(self, scale: int) -> int:
        return self.groups * (2 * self.blocks + 1) + 2 + _upsampler_halo(scale)

    def exact_tiles(self) -> bool:
        return False


class RrdbOptions(NetworkOptions):
    """basicsr's RRDBNet (ESRGAN's generator; Wang et al., ECCVW 2018). x2 and x1 start with a pixel unshuffle."""

    kind: Literal["rrdb"] = "rrdb"
    width: int = Field(64, ge=1, description="channels")
    blocks: int = Field(23, ge=1, description="residual-in-residual blocks of three dense blocks")
    growth: int = Field(32, ge=1, description="channels that each convolution of a dense block adds")

    def build(self, scale: int) -> nn.Module:
        arch = basicsr_arch("rrdbnet_arch", "RRDBNet")
        network: nn.Module = arch(3, 3, scale, self.width, self.blocks, self.growth)
        return network

    def halo(self, scale: int) -> int:
        # The body runs at a quarter of the output's resolution; each nearest-neighbor upsampling is followed by a 3x3.
        return (15 * self.blocks + 4) * self.multiple(scale)

    def multiple(self, scale: int) -> int:
        return {1: 4, 2: 2}.get(scale, 1)


def _upsampler_halo(scale: int) -> int:
    """Reach of basicsr's convolution-and-shuffle upsampler and the convolution after it, rounded up."""
    return {1: 1, 2: 2, 3: 2, 4: 3, 8: 3}.get(scale, 3)
