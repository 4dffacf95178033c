"""A discriminator's trunk on wavelet bands: the learned feature space of PCL-SR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.encoder import Encoder, EncoderOptions

BLOCKS = 8


def haar_bands(x: Tensor) -> Tensor:
    """The high bands of one level of the orthonormal Haar transform.

    Args:
        x: (N, C, H, W); an odd side is lengthened by repeating its last row or column.

    Returns:
        (N, 3 C, H / 2, W / 2), rounded up: all channels' differences down the columns, then along the rows, then of
        both. On 0..1 pictures, -1..1.
    """
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    a, b = x[..., 0::2, 0::2], x[..., 0::2, 1::2]
    c, d = x[..., 1::2, 0::2], x[..., 1::2, 1::2]
    return torch.cat((a + b - c - d, a - b + c - d, a - b - c + d), dim=1) / 2


class HaarDiscriminator(Encoder):
    """Eight convolutions on the Haar high bands, with a patch head: encoder and discriminator in one.

    Wu, Jiang and Liu, "A practical contrastive learning framework for single-image super-resolution" (PCL-SR), TNNLS
    2023. It is trainable: its own loss teaches it to tell restored from real high frequencies, and a contrastive loss
    uses its features with frozen parameters.

    Args:
        taps: blocks 0 to 7, shallow to deep; the features are those after the norm and before the LeakyReLU. PCL-SR
            compares at block 4.
        norm: ``batch`` as in the paper, or ``group``, which is independent of the other pictures of a batch.
        width: channels of the first block, 64 in the paper; they double three times.

    Shape:
        (N, 3, H, W), 0..1, to (N, C, h, w): half the picture's side at blocks 0, a quarter at 1-2, an eighth at 3-4,
        a sixteenth at 5-6, a thirty-second at 7, rounded up.

    Raises:
        ValueError: ``taps`` is invalid.
    """

    def __init__(self, taps: Sequence[int] = (4,), norm: Literal["batch", "group"] = "batch", width: int = 64) -> None:
        if not taps or list(taps) != sorted(set(taps)) or not set(taps) <= set(range(BLOCKS)):
            raise ValueError(f"taps: {tuple(taps)} must be blocks of 0 to {BLOCKS - 1}, shallow to deep, each once")
        widths = [width * 2 ** (i // 2) for i in range(BLOCKS)]
        super().__init__([widths[i] for i in taps])
        self.taps = frozenset(taps)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, stride=1 + i % 2, padding=1, bias=False)
            for i, (inputs, outputs) in enumerate(zip([9, *widths], widths, strict=False))
        )
        self.norms = nn.ModuleList(_norm(norm, channels) for channels in widths)
        self.head = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [features for i, features in enumerate(self._blocks(x, max(self.taps) + 1)) if i in self.taps]

    def logits(self, x: Tensor) -> Tensor:
        """Logits of (N, 3, H, W): one logit for each of 4 x 4 regions, (N, 16)."""
        deepest = F.leaky_relu(self._blocks(x, BLOCKS)[-1], 0.2)
        opinion: Tensor = self.head(F.adaptive_avg_pool2d(deepest, 4))
        return opinion.flatten(1)

    def _blocks(self, x: Tensor, count: int) -> list[Tensor]:
        """The first ``count`` blocks' features before their activation."""
        features, found = haar_bands(x), list[Tensor]()
        for conv, norm in zip(self.convs[:count], self.norms[:count], strict=True):
            found.append(norm(conv(features)))
            features = F.leaky_relu(found[-1], 0.2)
        return found


class HaarOptions(EncoderOptions):
    """PCL-SR's discriminator, trainable: :class:`restore.encoders.haar.HaarDiscriminator`."""

    kind: Literal["haar"] = "haar"
    taps: tuple[Annotated[int, Field(ge=0, le=7)], ...] = Field((4,), description="blocks, shallow to deep")
    norm: Literal["batch", "group"] = Field(
        "batch", description="between convolutions; group is independent of the other pictures of a batch"
    )
    width: PositiveInt = Field(64, description="channels of the first block")

    def build(self) -> Encoder:
        return HaarDiscriminator(self.taps, self.norm, self.width)

    def minimum(self) -> int:
        """The shortest accepted side of a picture, in pixels."""
        return 1


def _norm(kind: Literal["batch", "group"], channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(math.gcd(32, channels), channels)
