"""CIEDE2000, the perceived color difference of two pictures."""

from __future__ import annotations

import numpy as np

from restore.imaging.arrays import AnyArray, FloatArray
from restore.imaging.color.conversions import as_rgb, srgb_to_lab
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.psnr import within

# Pixels per block, so that intermediate results stay in the processor's cache.
_AT_ONCE = 2**14


def ciede2000(image: AnyArray, reference: AnyArray, border: int = 0) -> float:
    """The mean CIEDE2000 color difference over the pixels; 0 is best, about 1 is just noticeable, at most 120.

    CIE 142-2001, with k_L = k_C = k_H = 1, as given by Sharma, Wu and Dalal: "The CIEDE2000 color-difference
    formula: implementation notes, supplementary test data, and mathematical observations", 2005. Both pictures are
    assumed to be sRGB (D65). It is meant for large patches: the eye notices less of noise than it suggests.

    Args:
        image: sRGB (H, W, 3), uint8, uint16, or floating point in 0..1.
        reference: the same shape and type.
        border: pixels left out on every side.

    Raises:
        ValueError: not RGB, the shapes or types differ, a value is NaN or outside 0..1, or nothing is left.
    """
    if image.dtype != reference.dtype:
        raise ValueError(f"the pictures differ in type: {image.dtype} and {reference.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected RGB (H, W, 3), not an array of shape {image.shape}")
    image, reference = (x.reshape(-1, 3) for x in within(image, reference, border))
    starts = range(0, len(image), _AT_ONCE)
    parts = ((image[i : i + _AT_ONCE], reference[i : i + _AT_ONCE]) for i in starts)
    total = sum(float(delta_e(srgb_to_lab(a), srgb_to_lab(b)).sum(dtype=np.float64)) for a, b in parts)
    return total / len(image)


def delta_e(first: FloatArray, second: FloatArray) -> FloatArray:
    """CIEDE2000 between colors, with the notation of Sharma et al.

    Args:
        first: L*, a*, b* (..., 3).
        second: the same shape and type; the order of the two does not matter.

    Returns:
        (...), the same type.
    """
    lightness1, a1, b1 = (first[..., i] for i in range(3))
    lightness2, a2, b2 = (second[..., i] for i in range(3))
    a_stretch = 1.5 - 0.5 * _saturating((_chroma(a1, b1) + _chroma(a2, b2)) / 2)
    a1, a2 = a1 * a_stretch, a2 * a_stretch
    chroma1, chroma2 = _chroma(a1, b1), _chroma(a2, b2)
    hue, turn = _mean_hue(np.arctan2(b1, a1), np.arctan2(b2, a2))

    d_lightness, d_chroma = lightness2 - lightness1, chroma2 - chroma1
    d_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(turn / 2)
    off_gray = ((lightness1 + lightness2) / 2 - 50) ** 2
    chroma = (chroma1 + chroma2) / 2
    by_hue = (
        1
        - 0.17 * np.cos(hue - _radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + _radians(6))
        - 0.20 * np.cos(4 * hue - _radians(63))
    )
    lightness_term = d_lightness / (1 + 0.015 * off_gray / np.sqrt(20 + off_gray))
    chroma_term = d_chroma / (1 + 0.045 * chroma)
    hue_term = d_hue / (1 + 0.015 * chroma * by_hue)
    # Rotation term for blue hues, where ellipses of equal difference are rotated.
    in_blue = np.exp(-(((hue - _radians(275)) / _radians(25)) ** 2))
    turned = -2 * _saturating(chroma) * np.sin(_radians(60) * in_blue)
    squared = lightness_term**2 + chroma_term**2 + hue_term**2 + turned * chroma_term * hue_term
    # The quadratic form is positive definite except for rounding.
    difference: FloatArray = np.sqrt(np.maximum(squared, 0))
    return difference


def _mean_hue(hue1: FloatArray, hue2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean hue, 0..2 pi, and the angle from the first to the second, -pi..pi, along the shorter arc.

    The paper handles gray, which has no hue, as a special case. Here it needs none: its hue difference is zero anyway.
    """
    circle = 2 * np.pi
    hue1, hue2 = np.where(hue1 < 0, hue1 + circle, hue1), np.where(hue2 < 0, hue2 + circle, hue2)
    turn, total = hue2 - hue1, hue1 + hue2
    far = np.abs(turn) > np.pi
    mean = np.where(far, np.where(total < circle, total + circle, total - circle), total) / 2
    return mean, np.where(far, turn - np.sign(turn) * circle, turn)


def _chroma(a: FloatArray, b: FloatArray) -> FloatArray:
    # hypot guards against overflow, but takes twenty times as long.
    chroma: FloatArray = np.sqrt(a * a + b * b)
    return chroma


def _saturating(chroma: FloatArray) -> FloatArray:
    """Saturates from 0 to 1; one half at about 25."""
    square = chroma * chroma
    seventh = square * square * square * chroma
    part: FloatArray = np.sqrt(seventh / (seventh + 25**7))
    return part


def _radians(degrees: float) -> float:
    # A Python float keeps float32; a NumPy float64 would widen it.
    return degrees * 3.141592653589793 / 180


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        return ciede2000(as_rgb(image), as_rgb(reference), protocol.edge)

    return measure


METRIC = Metric(
    "ciede2000",
    "CIEDE2000",
    "mean perceived color difference over the pixels",
    higher_is_better=False,
    reference=True,
    digits=2,
    how=lambda protocol: f"on L*a*b* of sRGB (D65), border {protocol.edge}",
    measure=_build,
    distortion=True,
)
