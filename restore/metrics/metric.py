"""What a metric is to those who measure: what it takes, says and needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colour = Literal["y", "rgb"]


@dataclass(frozen=True)
class View:
    """What of the pictures is measured.

    Attributes:
        scale: by which they were enlarged; 1 where they were not.
        border: pixels left out on every side; None for the literature's, which is the scale.
        colour: what PSNR, SSIM and MS-SSIM are taken on; None for the literature's: Y, but RGB for PSNR at scale 1.
    """

    scale: int = 1
    border: int | None = None
    colour: Colour | None = None

    @property
    def edge(self) -> int:
        """The border in pixels."""
        return self.scale if self.border is None else self.border

    def on(self, at_1: Colour) -> Colour:
        """What to measure on, where the literature takes ``at_1`` of pictures that were not enlarged."""
        return self.colour or ("y" if self.scale > 1 else at_1)


@dataclass(frozen=True)
class Material:
    """What metrics need from the user: files of weights and of other people's scores, by the metric's name."""

    weights: Mapping[str, Path] = field(default_factory=dict)
    ma: Path | None = None


class OfPicture(Protocol):
    """Measures a picture, beside its reference if it takes one: uint8 (H, W, 1 or 3), both of one shape.

    It raises ValueError where the picture cannot be measured.
    """

    def __call__(self, image: Pixels, reference: Pixels | None, name: str) -> float: ...


class OfSet(Protocol):
    """Measures a whole set of pictures."""

    def add(self, image: Pixels, reference: Pixels | None, name: str) -> None:
        """See a picture; as :class:`OfPicture`."""
        ...

    def value(self) -> float:
        """Of all that were seen. It raises ValueError where they are too few."""
        ...


@dataclass(frozen=True)
class Metric:
    """An entry of the registry.

    Attributes:
        title: for heads of columns.
        says: what it is, in a line.
        higher_is_better: whether it is.
        reference: whether it compares with a reference.
        digits: after the point, where people read it.
        how: on what it is taken, in words.
        measure: what measures pictures one by one; None of a metric of sets.
        measure_set: what measures a set, anew for each.
        unit: such as dB.
        needs: beyond the base installation, in words.
        note: what is to be said of a mean.
    """

    title: str
    says: str
    higher_is_better: bool
    reference: bool
    digits: int
    how: Callable[[View], str]
    measure: Callable[[View, Material], OfPicture] | None = None
    measure_set: Callable[[View, Material], OfSet] | None = None
    unit: str = ""
    needs: str = ""
    note: Callable[[float], str] | None = None
