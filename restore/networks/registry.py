"""Every architecture by name: its options, how to build it, and how far it looks.

One explicit table, ``NETWORKS``. A new network is one class here that names its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from restore.encoders.registry import EfficientNetLite0Options, Vgg16Options


class NetworkOptions(BaseModel, ABC):
    """What every architecture must be able to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self, scale: int) -> Any:
        """The network (an ``nn.Module``), freshly initialised."""

    @abstractmethod
    def halo(self, scale: int) -> int:
        """Input pixels beyond an output pixel's own place that may change it."""

    def exact_tiles(self) -> bool:
        """Whether tiles with this halo give the whole picture's result (no global pooling inside)."""
        return True

    def multiple(self, scale: int) -> int:
        """What both sides of the input must be a multiple of."""
        return 1

    def minimum(self) -> int:
        """The shortest side that it takes."""
        return 1

    def context(self) -> int:
        """Side of the thumbnail that it judges the whole picture by; 0 if it sees none."""
        return 0

    def thumbnails(self) -> Literal["mean", "middle"]:
        """Whether a thumbnail's pixels are the means of its areas or the pixels in their middles."""
        return "mean"

    def takes_strength(self) -> bool:
        """Whether a last input says how far the picture is changed."""
        return False

    def codes(self) -> bool:
        """Whether it makes a code of what was done to a picture (``codes_of``), for losses on it."""
        return False

    def taps(self) -> int:
        """Places at which it lends its own features (``features(x, taps)``) to a loss; 0 if it has none to lend."""
        return 0


class PlainOptions(NetworkOptions):
    """Plain 3x3 convolutions with an anchor: :class:`restore.networks.plain.PlainSR`."""

    kind: Literal["plain"] = "plain"
    width: int = Field(48, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    depth: int = Field(6, ge=0, description="hidden convolutions between the first and the last")
    branches: bool = Field(True, description="train with re-parameterised branches, folded at export")

    def build(self, scale: int) -> Any:
        from restore.networks.plain import PlainSR

        return PlainSR(scale, self.width, self.depth, self.branches)

    def halo(self, scale: int) -> int:
        return self.depth + 2


class ResidualOptions(NetworkOptions):
    """Residual blocks with an anchor: :class:`restore.networks.residual.ResidualSR`."""

    kind: Literal["residual"] = "residual"
    width: int = Field(32, ge=1, description="channels of the hidden layers; 16, 32, 48 or 64 run fastest")
    blocks: int = Field(6, ge=1, description="residual blocks of two convolutions")

    def build(self, scale: int) -> Any:
        from restore.networks.residual import ResidualSR

        return ResidualSR(scale, self.width, self.blocks)

    def halo(self, scale: int) -> int:
        return 2 * self.blocks + 2

    def taps(self) -> int:
        return self.blocks + 2


class CompactOptions(NetworkOptions):
    """basicsr's SRVGGNetCompact (Real-ESRGAN's small network): PReLU, nearest-neighbour skip."""

    kind: Literal["compact"] = "compact"
    width: int = Field(64, ge=1, description="channels")
    depth: int = Field(16, ge=0, description="convolutions between the first and the last")
    activation: Literal["relu", "prelu", "leakyrelu"] = Field(
        "prelu", description="after each convolution but the last"
    )

    def build(self, scale: int) -> Any:
        from restore.networks.basicsr_adapter import basicsr_arch

        arch = basicsr_arch("srvgg_arch", "SRVGGNetCompact")
        return arch(3, 3, self.width, self.depth, upscale=scale, act_type=self.activation)

    def halo(self, scale: int) -> int:
        return self.depth + 2


class EdsrOptions(NetworkOptions):
    """basicsr's EDSR (Lim et al., CVPRW 2017)."""

    kind: Literal["edsr"] = "edsr"
    width: int = Field(64, ge=1, description="channels")
    blocks: int = Field(16, ge=1, description="residual blocks of two convolutions")
    residual_scale: float = Field(1.0, description="factor of each block's branch; the paper's large network has 0.1")

    def build(self, scale: int) -> Any:
        from restore.networks.basicsr_adapter import basicsr_arch

        arch = basicsr_arch("edsr_arch", "EDSR")
        # basicsr's default mean is DIV2K's; 0 keeps 0..1 in and out the same for every data set.
        return arch(3, 3, self.width, self.blocks, scale, self.residual_scale, img_range=1.0, rgb_mean=(0.0, 0.0, 0.0))

    def halo(self, scale: int) -> int:
        return 2 * self.blocks + 2 + _upsampler_halo(scale)


class RcanOptions(NetworkOptions):
    """basicsr's RCAN (Zhang et al., ECCV 2018). Its channel attention pools the whole picture: tiles differ."""

    kind: Literal["rcan"] = "rcan"
    width: int = Field(64, ge=1, description="channels")
    groups: int = Field(10, ge=1, description="residual groups")
    blocks: int = Field(16, ge=1, description="residual blocks of a group")
    squeeze: int = Field(16, ge=1, description="how many times fewer channels the channel attention has within")

    def build(self, scale: int) -> Any:
        from restore.networks.basicsr_adapter import basicsr_arch

        arch = basicsr_arch("rcan_arch", "RCAN")
        return arch(
            3, 3, self.width, self.groups, self.blocks, self.squeeze, scale, img_range=1.0, rgb_mean=(0.0, 0.0, 0.0)
        )

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

    def build(self, scale: int) -> Any:
        from restore.networks.basicsr_adapter import basicsr_arch

        return basicsr_arch("rrdbnet_arch", "RRDBNet")(3, 3, scale, self.width, self.blocks, self.growth)

    def halo(self, scale: int) -> int:
        # The body runs at a quarter of the output's resolution; each nearest-neighbour doubling is followed by a 3x3.
        return (15 * self.blocks + 4) * self.multiple(scale)

    def multiple(self, scale: int) -> int:
        return {1: 4, 2: 2}.get(scale, 1)


class TranslatingOptions(NetworkOptions):
    """aRGB's autoencoder: :class:`restore.networks.translating.Reconstruction`, at scale 1."""

    kind: Literal["translating"] = "translating"
    experts: int = Field(20, ge=1, description="each pixel goes through one of them")
    width: int = Field(128, ge=4, multiple_of=4, description="channels of the embedding")

    def build(self, scale: int) -> Any:
        from restore.networks.translating import Reconstruction

        if scale != 1:
            raise ValueError(f"'translating' gives back what it gets: scale 1, not {scale}")
        return Reconstruction(self.experts, self.width)

    def halo(self, scale: int) -> int:
        return 4


class IlluminationOptions(NetworkOptions):
    """CLIP-LIT's and RAVE's network: :class:`restore.networks.illumination.IlluminationNet`, at scale 1."""

    kind: Literal["illumination"] = "illumination"

    def build(self, scale: int) -> Any:
        from restore.networks.illumination import IlluminationNet

        if scale != 1:
            raise ValueError(f"'illumination' gives back the size that it gets: scale 1, not {scale}")
        return IlluminationNet()

    def halo(self, scale: int) -> int:
        return 17  # of its convolutions; its averages see all that it is given

    def exact_tiles(self) -> bool:
        return False

    def minimum(self) -> int:
        return 2  # what is mirrored


class BilateralGridOptions(NetworkOptions):
    """Light judged on a thumbnail: :class:`restore.networks.bilateral_grid.BilateralGrid`, at scale 1."""

    kind: Literal["bilateral-grid"] = "bilateral-grid"
    thumbnail: int = Field(256, ge=32, multiple_of=16, description="side of what the light is judged on")
    bins: int = Field(8, ge=2, description="of the grid along brightness")
    width: int = Field(64, ge=4, multiple_of=4, description="channels where the light is judged")
    local: int = Field(24, ge=1, description="channels at full resolution")

    def build(self, scale: int) -> Any:
        from restore.networks.bilateral_grid import BilateralGrid

        if scale != 1:
            raise ValueError(f"'bilateral-grid' gives back the size that it gets: scale 1, not {scale}")
        return BilateralGrid(self.thumbnail, self.bins, self.width, self.local)

    def halo(self, scale: int) -> int:
        return 8  # four convolutions at half resolution; the colour around a pixel lies within

    def multiple(self, scale: int) -> int:
        return 2

    def context(self) -> int:
        return self.thumbnail

    def takes_strength(self) -> bool:
        return True


class ModulatedColourOptions(NetworkOptions):
    """Colours judged on a thumbnail: :class:`restore.networks.modulated_colour.ModulatedColour`, at scale 1."""

    kind: Literal["modulated-colour"] = "modulated-colour"
    thumbnail: int = Field(
        256, ge=32, multiple_of=16, description="side of what the filter is judged on; above 64, a multiple of 64"
    )
    width: int = Field(96, ge=4, multiple_of=4, description="channels where the filter is judged")
    code: int = Field(64, ge=2, description="length of what is found about the filter")
    hidden: int = Field(32, ge=1, description="channels at full resolution")
    kinds: int = Field(0, ge=0, description="filters that the code is told apart into, by filter-class; 0 for not")
    prototypes: bool = Field(False, description="give every kind a code of its own, for filters that are recognised")

    def build(self, scale: int) -> Any:
        from restore.networks.modulated_colour import ModulatedColour

        if scale != 1:
            raise ValueError(f"'modulated-colour' gives back the size that it gets: scale 1, not {scale}")
        return ModulatedColour(self.thumbnail, self.width, self.code, self.hidden, self.kinds, self.prototypes)

    def halo(self, scale: int) -> int:
        return 0

    def minimum(self) -> int:
        return 2  # what tells how long the sides are

    def context(self) -> int:
        return self.thumbnail

    def thumbnails(self) -> Literal["mean", "middle"]:
        return "middle"

    def takes_strength(self) -> bool:
        return True

    def codes(self) -> bool:
        return True


class DestylingOptions(NetworkOptions):
    """IFRNet's and CIFR's generator: :class:`restore.networks.destyling.Destyling`, at scale 1."""

    kind: Literal["destyling"] = "destyling"
    style: Annotated[EfficientNetLite0Options | Vgg16Options, Field(discriminator="kind")] = Field(
        EfficientNetLite0Options(taps=("block15",)), description="what judges the style, frozen; part of the network"
    )
    width: int = Field(32, ge=1, description="channels of the first block")
    code: int = Field(32, ge=1, description="length of the style code")
    kinds: int = Field(0, ge=0, description="filters that are told apart, by filter-class (IFRNet); 0 for not")

    def build(self, scale: int) -> Any:
        from restore.networks.destyling import Destyling

        if scale != 1:
            raise ValueError(f"'destyling' gives back the size that it gets: scale 1, not {scale}")
        return Destyling(self.style.build(), self.width, self.code, self.kinds)

    def halo(self, scale: int) -> int:
        return 64  # of its convolutions, rounded up; its statistics see all that it is given

    def exact_tiles(self) -> bool:
        return False

    def multiple(self, scale: int) -> int:
        return 8

    def codes(self) -> bool:
        return True

    def taps(self) -> int:
        return 7


def _upsampler_halo(scale: int) -> int:
    """Reach of basicsr's convolution-and-shuffle upsampler and the convolution after it, rounded up."""
    return {1: 1, 2: 2, 3: 2, 4: 3, 8: 3}.get(scale, 3)


NETWORKS: dict[str, type[NetworkOptions]] = {
    "plain": PlainOptions,
    "residual": ResidualOptions,
    "compact": CompactOptions,
    "edsr": EdsrOptions,
    "rcan": RcanOptions,
    "rrdb": RrdbOptions,
    "translating": TranslatingOptions,
    "illumination": IlluminationOptions,
    "bilateral-grid": BilateralGridOptions,
    "modulated-colour": ModulatedColourOptions,
    "destyling": DestylingOptions,
}

AnyNetwork = Annotated[
    PlainOptions
    | ResidualOptions
    | CompactOptions
    | EdsrOptions
    | RcanOptions
    | RrdbOptions
    | TranslatingOptions
    | IlluminationOptions
    | BilateralGridOptions
    | ModulatedColourOptions
    | DestylingOptions,
    Field(discriminator="kind"),
]


def deployed(network: nn.Module) -> nn.Module:
    """The network as it should run: branches folded where it has any."""
    fold = getattr(network, "deployed", None)
    return fold() if fold is not None else network
