"""Huber's loss."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch.nn import functional as F

from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, TrainingContext


class HuberOptions(LossOptions):
    """Squared where the difference is small, absolute where it is large (Huber, 1964)."""

    kind: Literal["example-huber"] = "example-huber"
    delta: float = Field(0.05, gt=0, description="difference from which on it is absolute, on 0..1")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(partial(F.huber_loss, delta=self.delta))
