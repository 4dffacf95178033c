"""Generalized Gaussian distributions: what moments tell about their shape."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Candidate shapes: 1 is Laplacian, 2 is Gaussian.
SHAPES = np.arange(0.2, 10.001, 0.001)


class Tables(NamedTuple):
    """By shape: the squared mean magnitude over the mean square, and the factors for width and mean."""

    ratio: Floats
    width: Floats
    mean: Floats


@functools.cache
def shape_tables() -> Tables:
    """The tables for all of :data:`SHAPES`."""
    first, second, third = (np.array([math.gamma(n / shape) for shape in SHAPES]) for n in (1, 2, 3))
    return Tables(second**2 / (first * third), np.sqrt(first / third), second / first)


def nearest(rising: Floats, values: Floats) -> NDArray[np.intp]:
    """The index of the entry nearest to each value in an ascending table."""
    after = np.clip(np.searchsorted(rising, values), 1, len(rising) - 1)
    return after - (values - rising[after - 1] <= rising[after] - values)
