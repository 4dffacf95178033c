"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from restore.imaging.arrays import AnyArray
from restore.imaging.color.conversions import luma
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels


def psnr(image: AnyArray, reference: AnyArray, border: int = 0, peak: float = 255.0) -> float:
    """PSNR in dB; higher is better, infinite for equal pictures.

    The super-resolution literature measures Y (:func:`restore.imaging.color.conversions.luma`) with ``border`` = scale.

    Args:
        image: (H, W) or (H, W, C).
        reference: the same shape and scale.
        border: pixels left out on every side.
        peak: the largest possible value.

    Raises:
        ValueError: the shapes differ, a value is NaN or infinite, or nothing is left within the border.
    """
    image, reference = within(image, reference, border)
    error = np.mean((image.astype(np.float64) - reference.astype(np.float64)) ** 2)
    return math.inf if error == 0 else float(10 * np.log10(peak**2 / error))


def within(image: AnyArray, reference: AnyArray, border: int) -> tuple[AnyArray, AnyArray]:
    """Two pictures of one shape without their outer ``border`` pixels."""
    if image.shape != reference.shape:
        raise ValueError(f"the pictures differ in shape: {image.shape} and {reference.shape}")
    if min(image.shape[:2]) <= 2 * border:
        raise ValueError(f"nothing is left of {image.shape[0]} x {image.shape[1]} pixels without a border of {border}")
    for one in (image, reference):
        if np.issubdtype(one.dtype, np.floating) and not np.isfinite(one).all():
            raise ValueError("a picture contains NaN or infinite values")
    cut = slice(border, -border or None)
    return image[cut, cut], reference[cut, cut]


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        if protocol.on("rgb") == "y":
            image, reference = luma(image), luma(reference)
        return psnr(image, reference, protocol.edge)

    return measure


METRIC = Metric(
    "psnr",
    "PSNR",
    "mean squared error on a logarithmic scale",
    higher_is_better=True,
    reference=True,
    digits=2,
    how=lambda protocol: protocol.describe("rgb"),
    measure=_build,
    unit="dB",
    distortion=True,
)
