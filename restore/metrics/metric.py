"""What a metric is: its name, how it is computed, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Color = Literal["y", "rgb"]

_COLOR_SPACES = {"y": "Y (BT.601, 8 bits)", "rgb": "RGB (8 bits)"}


@dataclass(frozen=True)
class MetricProtocol:
    """Which part of the pictures is measured, and in which color space.

    Attributes:
        scale: the factor the pictures were enlarged by; 1 if they were not.
        border: pixels to ignore on every side; None for the literature's choice, which is the scale.
        color: color space of PSNR, SSIM and MS-SSIM; None for the literature's choice: Y, but RGB for PSNR at scale 1.
    """

    scale: int = 1
    border: int | None = None
    color: Color | None = None

    @property
    def edge(self) -> int:
        """The border in pixels."""
        return self.scale if self.border is None else self.border

    @property
    def edge_without_reference(self) -> int:
        """The border of metrics without a reference: by default, none of pictures that were not enlarged."""
        return 0 if self.border is None and self.scale == 1 else self.edge

    def on(self, at_1: Color) -> Color:
        """The color space, if the literature uses ``at_1`` for pictures that were not enlarged."""
        return self.color or ("y" if self.scale > 1 else at_1)

    def describe(self, at_1: Color) -> str:
        """Color space and border in words."""
        return f"on {_COLOR_SPACES[self.on(at_1)]}, border {self.edge}"


@dataclass(frozen=True)
class MetricInputs:
    """Files that metrics need from the user.

    Attributes:
        weights: files of weights by the metric's name.
        ma: file of the Ma scores of one method's results, for the perceptual index.
    """

    weights: Mapping[str, Path] = field(default_factory=dict)
    ma: Path | None = None


class OfPicture(Protocol):
    """Measures one picture, against its reference if it takes one: uint8 (H, W, 1 or 3), both of the same shape.

    Raises ValueError if the picture cannot be measured.
    """

    def __call__(self, image: Pixels, reference: Pixels | None, name: str) -> float: ...


class OfSet(Protocol):
    """Measures a set of pictures as a whole."""

    def add(self, image: Pixels, reference: Pixels | None, name: str) -> None:
        """Add a picture; arguments as for :class:`OfPicture`."""
        ...

    def value(self) -> float:
        """The value for all pictures added. Raises ValueError if they are too few."""
        ...


@dataclass(frozen=True)
class Metric:
    """A metric's description, as the registry lists it.

    Attributes:
        name: on the command line and in recipes.
        title: for table headings.
        summary: one-line description.
        higher_is_better: whether higher values are better.
        reference: whether it compares with a reference.
        digits: decimals to print.
        how: what it is computed on, in words.
        measure: builds a function that measures pictures one by one; None for metrics of sets.
        measure_set: builds an accumulator for one set; None for metrics of pictures.
        unit: such as dB.
        needs: requirements beyond the base installation, in words.
        note: a remark on a mean value.
        takes_weights: whether the user can give a file of weights.
        precomputed: whether it needs figures for each result that another program computed, so that it cannot be used
            while training.
        distortion: whether it measures how close results are to their references pixel by pixel; other metrics measure
            how they look. The two are the axes of the perception-distortion plane.
    """

    name: str
    title: str
    summary: str
    higher_is_better: bool
    reference: bool
    digits: int
    how: Callable[[MetricProtocol], str]
    measure: Callable[[MetricProtocol, MetricInputs], OfPicture] | None = None
    measure_set: Callable[[MetricProtocol, MetricInputs], OfSet] | None = None
    unit: str = ""
    needs: str = ""
    note: Callable[[float], str] | None = None
    takes_weights: bool = False
    precomputed: bool = False
    distortion: bool = False
