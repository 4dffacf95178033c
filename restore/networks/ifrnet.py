"""IFRNet's and CIFR's generator: a style code removes a filter by normalizing features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.encoders.encoder import Encoder, EncoderOptions
from restore.encoders.registry import ENCODERS
from restore.encoders.torchvision_nets import Vgg16Options
from restore.networks.base import NetworkOptions
from restore.networks.illumination import adaptive_average
from restore.utils.registry import OneOf

_SLOPE = 0.2
_EPSILON = 1e-5
_SHARE = 0.3  # of the usual weights in what residual blocks add
_SMALL = 0.005  # of the usual weights in the last layer, so that the first changes are of a level or two
_STYLES = (EfficientNetLite0Options, Vgg16Options)  # encoders whose last feature map can provide the style
_SIDE, _CELLS = 256, 8  # side of the encoder's input, and of its averaged feature map


class _Layer(NamedTuple):
    channels: int
    stride: int
    kernel: int


class Destyling(nn.Module):
    """Remove a filter, treated as a style in the statistics of the features.

    Kinli, Ozcan and Kirac, "Instagram filter removal on fashionable images" (IFRNet), NTIRE 2021; the same network in
    "Patch-wise contrastive style learning for Instagram filter removal" (CIFR), NTIRE 2022. A frozen image encoder
    looks at the whole picture; a code computed from its features sets the mean and deviation of the features in every
    block of the network's own encoder. A decoder turns them into a picture.

    Differences from the released code: it accepts any size, because the encoder's input is the picture resized to a
    square, and its features are averaged to 8 x 8; there are activations between the five layers to the style code,
    which would otherwise be equivalent to one layer; and the deviation has a floor before division, because flat
    pictures gave NaN. It normalizes over its whole input, so tiles give different results than the whole picture.

    Args:
        style: frozen encoder (:meth:`restore.encoders.encoder.Encoder.freeze`), such as the paper's VGG-16, whose last
            feature map is used.
        width: channels of the first block.
        code: length of the style code.
        kinds: number of filters that the deepest features are classified into (IFRNet's auxiliary classifier),
            including "none", the last; 0 for no classifier.
        residual: add the decoder's result to the picture; without, it is the result.

    Shape:
        (N, 3, H, W), RGB, 0..1, both sides multiples of 8, to the same, not clipped.
    """

    def __init__(self, style: Encoder, width: int = 32, code: int = 32, kinds: int = 0, residual: bool = False) -> None:
        super().__init__()
        self.style = style
        self.residual = residual
        cells = style.channels[-1] * _CELLS**2
        between = 2 * code
        self.tell = nn.ModuleList(
            nn.Linear(a, b) for a, b in ((cells, between), *((between, between),) * 3, (between, code))
        )
        layers = [_Layer(width, 1, 5), *(_Layer(c * width, s, 3) for c, s in ((2, 2), (2, 1), (4, 2), (4, 1), (8, 2)))]
        self._widths = [layer.channels for layer in layers]
        before = [3, *self._widths[:-1]]
        self.encode = nn.ModuleList(_Normalized(a, layer, code) for a, layer in zip(before, layers, strict=True))
        self.decode = nn.ModuleList(
            [
                nn.Sequential(_Residual(8 * width, 4 * width), _Residual(4 * width, 4 * width)),
                nn.Sequential(_Residual(4 * width, 2 * width), _Residual(2 * width, 2 * width)),
                _Residual(2 * width, width),
            ]
        )
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        # IFRNet's: two convolutions, each with pooling, and a linear layer; averaged, to accept any size.
        self.judge = nn.Sequential(
            nn.Conv2d(8 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(4 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
        )
        self.kinds = nn.Linear(2 * width, kinds) if kinds else None
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and not name.startswith("style"):
                nn.init.kaiming_normal_(module.weight, _SLOPE)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
                if name.startswith("decode") and name.endswith("second"):  # features keep their size
                    with torch.no_grad():
                        module.weight.mul_(_SHARE)
                if name.endswith("wanted"):  # start with plain normalization, mean 0 and deviation 1
                    nn.init.normal_(module.weight, 0.0, 0.02)
        if residual:
            with torch.no_grad():
                self.last.weight.mul_(_SMALL)

    @property
    def channels(self) -> list[int]:
        """Channels of the taps of :meth:`features`: the picture and the encoder's blocks."""
        return [3, *self._widths]

    def codes(self, x: Tensor) -> Tensor:
        """The style of pictures (N, 3, H, W): (N, code)."""
        squeezed = F.interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)
        now = adaptive_average(self.style(squeezed)[-1], _CELLS).flatten(1)
        first, *others = self.tell
        codes: Tensor = first(now)
        for layer in others:
            codes = layer(F.leaky_relu(codes, _SLOPE))
        return codes

    def features(self, x: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """Features of the encoder at ``taps``; 0 is the picture itself."""
        codes, now, found = self.codes(x), 2 * x - 1, [x]
        for block in self.encode[: max(taps)]:
            now = block(now, codes)
            found.append(now)
        return [found[tap] for tap in taps]

    def codes_of(self, pictures: Tensor) -> Tensor:
        """The features that the auxiliary classifier uses: (N, 2 * width)."""
        (deepest,) = self.features(pictures, [len(self.encode)])
        judged: Tensor = self.judge(deepest).mean((2, 3))
        return judged

    def forward(self, x: Tensor) -> Tensor:
        (now,) = self.features(x, [len(self.encode)])
        for stage in self.decode:
            now = stage(F.interpolate(now, scale_factor=2.0, mode="nearest"))
        made: Tensor = self.last(now)
        return x + made if self.residual else made


class DestylingOptions(NetworkOptions):
    """IFRNet's and CIFR's generator: :class:`restore.networks.ifrnet.Destyling`, at scale 1."""

    kind: Literal["destyling"] = "destyling"
    style: Annotated[EncoderOptions, OneOf(ENCODERS, where=lambda one: one in _STYLES)] = Field(
        EfficientNetLite0Options(taps=("block15",)),
        description="frozen encoder that extracts the style; part of the network",
    )
    width: int = Field(32, ge=1, description="channels of the first block")
    code: int = Field(32, ge=1, description="length of the style code")
    kinds: int = Field(0, ge=0, description="number of filters to classify, with filter-class (IFRNet); 0 for none")
    residual: bool = Field(
        False, description="add the decoder's result to the picture, not rebuild the picture as the released code does"
    )

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return Destyling(self.style.build(), self.width, self.code, self.kinds, self.residual)

    def halo(self, scale: int) -> int:
        return 64  # of its convolutions, rounded up; its statistics cover the whole input

    def exact_tiles(self) -> bool:
        return False

    def multiple(self, scale: int) -> int:
        return 8

    def codes(self) -> bool:
        return True

    def taps(self) -> int:
        return 7


class _Normalized(nn.Module):
    """Two convolutions, normalized to statistics set by the code, plus the input."""

    def __init__(self, inputs: int, layer: _Layer, code: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, layer.channels, layer.kernel, layer.stride, layer.kernel // 2)
        self.second = nn.Conv2d(layer.channels, layer.channels, layer.kernel, padding=layer.kernel // 2)
        # Subsample by slicing: with a strided convolution of few channels (channels_last), torch 2.14 on a CPU writes
        # beyond its gradients, and the process dies.
        self.skip = nn.Conv2d(inputs, layer.channels, 1)
        self.stride = layer.stride
        self.wanted = nn.Linear(code, 2 * layer.channels)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        now = self.second(F.leaky_relu(self.first(x), _SLOPE))
        mean = now.mean((2, 3), keepdim=True)
        deviation = ((now - mean).square().mean((2, 3), keepdim=True) + _EPSILON).sqrt()
        more, shift = self.wanted(codes)[:, :, None, None].chunk(2, dim=1)
        skipped = self.skip(x[:, :, :: self.stride, :: self.stride])
        return F.leaky_relu((1 + more) * (now - mean) / deviation + shift + skipped, _SLOPE)


class _Residual(nn.Module):
    """leaky(skip(x) + conv(leaky(conv(x))))."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.skip(x) + self.second(F.leaky_relu(self.first(x), _SLOPE)), _SLOPE)
