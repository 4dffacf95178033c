"""The base classes of feature extractors and of their options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module, ABC):
    """Feature maps of a picture.

    A frozen encoder stays in eval mode regardless of ``train()``, so that its batch statistics neither change nor
    depend on other pictures in the batch. Its parameters need no gradient; the picture still gets one.

    Args:
        channels: the channels of each feature map, shallow to deep.
        mean: subtracted from R, G and B, on 0..1.
        std: divisor of R, G and B afterwards.

    Attributes:
        channels: as given.
        frozen: whether :meth:`freeze` was called.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        channels: Sequence[int],
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        self.channels = list(channels)
        self.frozen = False
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    @abstractmethod
    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of the taps, shallow to deep.

        Args:
            x: (N, 3, H, W), RGB, 0..1; every encoder normalizes it for its network.

        Returns:
            One tensor (N, C, h, w) for each entry of ``channels``; h and w shrink with depth.
        """

    def normalize(self, x: Tensor) -> Tensor:
        """``(x - mean) / std`` by channel."""
        return (x - self.mean.to(x.dtype)) / self.std.to(x.dtype)

    def freeze(self) -> Self:
        """Freeze the parameters and the batch statistics permanently."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        return super().train(mode and not self.frozen)


class EncoderOptions(BaseModel, ABC):
    """An encoder as a recipe describes it; every encoder's own options derive from this class."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self) -> Encoder:
        """The encoder, with its weights.

        Raises:
            MissingWeightsError: the weights are missing.
            MissingExtraError: a required package is not installed.
            ModelError: the weights are damaged or belong to another network.
        """


class Layered(Encoder):
    """A frozen encoder made of sequential layers, some of them taps.

    Args:
        layers: in order; those after the last tap are dropped.
        channels: output channels of each layer.
        indices: of the taps, from :func:`tap_indices`.
        mean: see :class:`Encoder`, also for ``std``.
    """

    def __init__(
        self,
        layers: nn.Sequential,
        channels: Sequence[int],
        indices: Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__([channels[i] for i in indices], mean, std)
        self.layers = layers[: indices[-1] + 1]
        self.taps = frozenset(indices)
        self.freeze()

    def forward(self, x: Tensor) -> list[Tensor]:
        features, taken = self.normalize(x), []
        for i, layer in enumerate(self.layers):
            features = layer(features)
            if i in self.taps:
                taken.append(features)
        return taken


def tap_indices(taps: Sequence[str], known: Sequence[str]) -> list[int]:
    """The positions of ``taps`` in ``known``, the names of all layers in order.

    Raises:
        ValueError: no taps, an unknown one, or not from shallow to deep.
    """
    if not taps:
        raise ValueError(f"taps: give at least one of {', '.join(known)}")
    for tap in taps:
        if tap not in known:
            raise ValueError(f"taps: no layer {tap!r}; there are {', '.join(known)}")
    indices = [known.index(tap) for tap in taps]
    if indices != sorted(set(indices)):
        raise ValueError(f"taps: {', '.join(taps)} must go from shallow to deep, each once")
    return indices
