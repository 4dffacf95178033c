"""Structural similarity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.imaging.color.conversions import luma
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.psnr import within


def ssim(image: AnyArray, reference: AnyArray, border: int = 0, peak: float = 255.0) -> float:
    """SSIM of two single-channel pictures, matching the authors' MATLAB code; 1 is best.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004: an 11 x 11 Gaussian
    window of sigma 1.5, K1 = 0.01, K2 = 0.03, population moments, only windows entirely inside the picture.

    Args:
        image: (H, W), at least 11 x 11 within the border.
        reference: the same shape and scale.
        border: pixels left out on every side.
        peak: the largest possible value.

    Raises:
        ValueError: not single-channel, the shapes differ, or the picture is smaller than the window.
    """
    if image.ndim != 2:
        raise ValueError(f"expected a single channel (H, W), not an array of shape {image.shape}")
    image, reference = within(image, reference, border)
    if min(image.shape) < 11:
        raise ValueError(f"SSIM needs 11 x 11 pixels, not {image.shape[0]} x {image.shape[1]}")
    luminance, structure = similarity(image.astype(np.float64), reference.astype(np.float64), peak)
    return float((luminance * structure).mean())


def similarity(
    x: NDArray[np.float64], y: NDArray[np.float64], peak: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Luminance, and contrast times structure, for every window inside the picture: two arrays (H - 10, W - 10)."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mx, my = _blur(x), _blur(y)
    vx, vy, covariance = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    return (2 * mx * my + c1) / (mx * mx + my * my + c1), (2 * covariance + c2) / (vx + vy + c2)


def _blur(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian mean over the windows inside the picture: (H, W) to (H - 10, W - 10)."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    rows = np.zeros((image.shape[0] - 10, image.shape[1]))
    for i, tap in enumerate(taps):
        rows += tap * image[i : i + rows.shape[0]]
    out = np.zeros((rows.shape[0], image.shape[1] - 10))
    for i, tap in enumerate(taps):
        out += tap * rows[:, i : i + out.shape[1]]
    return out


def by_channel(
    function: Callable[[Pixels, Pixels, int], float],
) -> Callable[[MetricProtocol, MetricInputs], OfPicture]:
    """``Metric.measure`` of a single-channel function: on Y, or averaged over the three channels of RGB."""

    def build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
        def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
            assert reference is not None
            if protocol.on("y") == "y":
                return function(luma(image), luma(reference), protocol.edge)
            channels = range(image.shape[2])
            return float(np.mean([function(image[..., i], reference[..., i], protocol.edge) for i in channels]))

        return measure

    return build


METRIC = Metric(
    "ssim",
    "SSIM",
    "structural similarity",
    higher_is_better=True,
    reference=True,
    digits=4,
    how=lambda protocol: protocol.describe("y"),
    measure=by_channel(ssim),
    distortion=True,
)
