"""NIQE, the naturalness of a picture without a reference."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.imaging.color.conversions import luma
from restore.imaging.resize import resize
from restore.metrics.generalized_gaussian import SHAPES, nearest, shape_tables
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels

Floats = NDArray[np.float64]

# Side of a block, and of the window for local brightness and contrast.
BLOCK, _WINDOW = 96, 7
_ROUNDING = 1e-6
# Offsets to the neighbors: right, below, and the two diagonals.
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def niqe(image: NDArray[np.uint8], border: int = 0) -> float:
    """Distance of a picture's statistics from those of pristine photographs; lower is better, good ones have 2 to 5.

    Mittal, Soundararajan and Bovik, "Making a completely blind image quality analyzer", 2013: the picture is
    normalized by local brightness and contrast; 18 numbers per block of 96 x 96 pixels, at two scales, describe the
    distributions of the coefficients and of their products with neighbors; their mean and covariance are compared with
    those of 125 photographs. Parameters and choices are the authors' (license in ``niqe.NOTICE``): Y (BT.601, 8 bits),
    whole blocks without overlap, the rest at the right and bottom ignored. The score is unreliable for few blocks.

    Args:
        image: uint8 RGB (H, W, 3) or gray (H, W, 1).
        border: pixels left out on every side.

    Raises:
        ValueError: not 8 bits, or fewer than two blocks that are not flat.
    """
    y = luma(image).astype(np.float64)
    y = y[border : y.shape[0] - border, border : y.shape[1] - border]
    down, across = (n // BLOCK for n in y.shape)
    if down * across < 2:
        height, width = y.shape
        raise ValueError(f"NIQE needs two blocks of {BLOCK} x {BLOCK} pixels, but {width} x {height} has fewer")
    y = y[: down * BLOCK, : across * BLOCK]
    features = np.concatenate((_features(y, BLOCK), _features(resize(y, 0.5), BLOCK // 2)), axis=1)
    return _distance(features)


def _distance(features: Floats) -> float:
    """The distance of a picture's blocks (N, 36) from pristine ones. Flat blocks count with their defined features."""
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        raise ValueError("NIQE needs two blocks that are not flat (skies and drawings are), but found fewer")
    mean, covariance = _pristine()
    away = mean - np.nanmean(features, axis=0)
    spread = np.linalg.pinv((covariance + np.cov(whole, rowvar=False)) / 2)
    return math.sqrt(away @ spread @ away)


@functools.cache
def _pristine() -> tuple[Floats, Floats]:
    """The mean (36,) and covariance (36, 36) of the blocks of good photographs, published by NIQE's authors."""
    with np.load(Path(__file__).with_name("niqe.npz")) as file:
        return file["mean"], file["covariance"]


def _features(y: Floats, side: int) -> Floats:
    """18 features for each block of a picture of whole blocks: (N, 18), in row-major order."""
    found = []
    for top in range(0, len(y), side):
        strip = _normalized(y, top, side)
        blocks = strip.reshape(side, -1, side).swapaxes(0, 1)
        shape, low, high = _asymmetric(blocks)
        columns = [SHAPES[shape], (low + high) / 2]
        for shift in _SHIFTS:
            shape, low, high = _asymmetric(blocks * np.roll(blocks, shift, axis=(1, 2)))
            columns += [SHAPES[shape], (high - low) * shape_tables().mean[shape], low, high]
        found.append(np.stack(columns, axis=1))
    return np.concatenate(found)


def _normalized(y: Floats, top: int, side: int) -> Floats:
    """A strip of the picture: each pixel minus the local mean, divided by the local deviation plus one.

    In flat areas only rounding errors remain, whose signs would count like any others. They are set to zero, which
    matches basicsr's single precision. In the authors' double-precision code, the score of such pictures depends on
    the order of summation.
    """
    half = _WINDOW // 2
    around = np.pad(y[np.clip(np.arange(top - half, top + side + half), 0, len(y) - 1)], ((0, 0), (half, half)), "edge")
    mean = _blur(around)
    deviation = np.sqrt(np.abs(_blur(around**2) - mean**2))
    left: Floats = (around[half:-half, half:-half] - mean) / (deviation + 1)
    left[np.abs(left) < _ROUNDING] = 0
    return left


def _blur(image: Floats) -> Floats:
    """Gaussian mean over the windows inside: (H, W) to (H - 6, W - 6)."""
    taps = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * (_WINDOW / 6) ** 2))
    taps /= taps.sum()
    height, width = (n - _WINDOW + 1 for n in image.shape)
    rows = sum(tap * image[i : i + height] for i, tap in enumerate(taps))
    return np.asarray(sum(tap * rows[:, i : i + width] for i, tap in enumerate(taps)))


def _asymmetric(blocks: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Fit an asymmetric generalized Gaussian to each block (N, H, W) by its moments.

    Lasmar, Stitou and Berthoumieu, "Multiscale skewed heavy tailed model for texture analysis", 2009.

    Returns:
        The index of the shape in the tables, and the widths below and above zero; NaN if a side is empty.
    """
    flat = blocks.reshape(len(blocks), -1)
    square = flat * flat
    below, above = flat < 0, flat > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.sqrt((square * below).sum(axis=1) / below.sum(axis=1))
        high = np.sqrt((square * above).sum(axis=1) / above.sum(axis=1))
        skew = low / high
        ratio = np.abs(flat).mean(axis=1) ** 2 / square.mean(axis=1)
        ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    tables = shape_tables()
    shape = np.where(np.isnan(ratio), 0, nearest(tables.ratio, ratio))
    return shape, low * tables.width[shape], high * tables.width[shape]


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        return niqe(image, protocol.edge_without_reference)

    return measure


METRIC = Metric(
    "niqe",
    "NIQE",
    "how unnatural a picture looks, without a reference",
    higher_is_better=False,
    reference=False,
    digits=2,
    how=lambda protocol: f"on Y (BT.601, 8 bits), blocks of 96 x 96, border {protocol.edge_without_reference}",
    measure=_build,
)
