"""Interface and options common to all discriminators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn


@runtime_checkable
class DiscriminatorNetwork(Protocol):
    """A discriminator's one method. One that is also an encoder can lend its features to losses."""

    def logits(self, x: Tensor) -> Tensor:
        """Logits of pictures (N, 3, H, W), 0..1: above 0 for photographs; (N, ...), one or more for each picture."""


class DiscriminatorOptions(BaseModel, ABC):
    """A discriminator as a recipe describes it; every discriminator's own options derive from this class."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self) -> nn.Module:
        """The discriminator, a :class:`DiscriminatorNetwork`, with fresh weights from torch's global generator."""

    @abstractmethod
    def minimum(self) -> int:
        """The shortest picture side that it accepts, in pixels."""

    def lends_features(self) -> bool:
        """Whether it is an :class:`restore.encoders.encoder.Encoder`, too, whose features losses can use."""
        return False
