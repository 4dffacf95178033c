"""Base class of degradations, and types for their options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, model_validator

Image = NDArray[np.float32]

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0)]
_Pair = TypeVar("_Pair", bound=tuple[float, float])


def ordered(pair: _Pair) -> _Pair:
    """Check that a range goes from the smaller to the larger; raises ValueError."""
    if pair[0] > pair[1]:
        raise ValueError(f"a range goes from the smaller to the larger, not from {pair[0]} to {pair[1]}")
    return pair


def _odd(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] % 2 == 0 or pair[1] % 2 == 0:
        raise ValueError("the size of a kernel must be odd")
    return pair


PositiveRange = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(ordered)]
NonNegativeRange = Annotated[tuple[Share, Share], AfterValidator(ordered)]
Fraction = Annotated[float, Field(gt=0, le=1)]
FractionRange = Annotated[tuple[Fraction, Fraction], AfterValidator(ordered)]
Size = Annotated[int, Field(ge=3, le=99)]
SizeRange = Annotated[tuple[Size, Size], AfterValidator(ordered), AfterValidator(_odd)]
Percent = Annotated[int, Field(ge=1, le=100)]
QualityRange = Annotated[tuple[Percent, Percent], AfterValidator(ordered)]


class Options(BaseModel):
    """Base class for options in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Degradation(Options, ABC):
    """A random degradation. Subclasses that recipes can select have a literal ``kind``."""

    probability: Probability = Field(1.0, description="probability that it is applied")

    def __call__(self, image: Image, draw: np.random.Generator) -> Image:
        """Degrade a picture with ``probability``; otherwise return it unchanged.

        Args:
            image: float32 RGB (H, W, 3) on 0..1; values may slightly exceed the range, as after a sharp filter.
            draw: source of all randomness.

        Returns:
            An array of the same shape and type.
        """
        return self.apply(image, draw) if draw.random() < self.probability else image

    @abstractmethod
    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        """Degrade a picture; for the arguments see :meth:`__call__`."""


class Shares(Options):
    """Relative probabilities of several choices; they are normalized to a sum of 1."""

    @model_validator(mode="after")
    def _something_is_chosen(self) -> Self:
        if not sum(self.shares().values()) > 0:
            raise ValueError("one of the shares must be above 0")
        return self

    def shares(self) -> dict[str, float]:
        """The shares by name."""
        return {
            name: getattr(self, name) for name, field in type(self).model_fields.items() if field.annotation is float
        }


def draw_odd(sizes: tuple[int, int], draw: np.random.Generator) -> int:
    """Draw an odd size within a range."""
    return int(draw.integers(sizes[0] // 2, sizes[1] // 2, endpoint=True)) * 2 + 1


def draw_share(shares: dict[str, float], draw: np.random.Generator) -> str:
    """Draw a name in proportion to its share."""
    names, weights = list(shares), np.array(list(shares.values()))
    return names[int(draw.choice(len(names), p=weights / weights.sum()))]
