"""Gradient magnitude similarity deviation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.imaging.color.conversions import luma
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.psnr import within

_STABLE = 170.0


def gmsd(image: AnyArray, reference: AnyArray, border: int = 0) -> float:
    """GMSD of two single-channel pictures on 0..255; 0 for equal pictures, lower is better, at most 0.5.

    Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation: a highly efficient perceptual image quality
    index", TIP 2014, matching the authors' MATLAB code: 2 x 2 means, every second row and column, Prewitt
    gradients with zeros beyond the edge, and the standard deviation of the similarity of their magnitudes. It responds
    to unevenly distributed errors, such as blur only at edges.

    Args:
        image: (H, W), at least 4 x 4 within the border.
        reference: the same shape and scale.
        border: pixels ignored on every side.

    Raises:
        ValueError: not single-channel, the shapes differ, or the picture is too small.
    """
    if image.ndim != 2:
        raise ValueError(f"expected a single channel (H, W), not an array of shape {image.shape}")
    image, reference = within(image, reference, border)
    if min(image.shape) < 4:
        raise ValueError(f"GMSD needs 4 x 4 pixels, not {image.shape[0]} x {image.shape[1]}")
    x, y = (_gradient(_halve(one.astype(np.float64))) for one in (image, reference))
    similarity = (2 * x * y + _STABLE) / (x * x + y * y + _STABLE)
    return float(similarity.std(ddof=1))


def _halve(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 2 means, with zeros beyond the edge, at every second row and column."""
    padded = np.pad(image, ((0, 1), (0, 1)))
    means: NDArray[np.float64] = (padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]) / 4
    return means[::2, ::2]


def _gradient(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The magnitude of the Prewitt gradient, with zeros beyond the edge."""
    padded = np.pad(image, 1)
    rows = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    columns = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    magnitude: NDArray[np.float64] = np.hypot(rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2])
    return magnitude


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        return gmsd(luma(image), luma(reference), protocol.edge)

    return measure


METRIC = Metric(
    "gmsd",
    "GMSD",
    "how unevenly edges differ in strength",
    higher_is_better=False,
    reference=True,
    digits=4,
    how=lambda protocol: f"on Y (BT.601, 8 bits), border {protocol.edge}",
    measure=_build,
    distortion=True,
)
