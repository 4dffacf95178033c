"""Compare two ways to run a model: whether their results for a photograph, a flat area and line art agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from restore.runtime.classification import question
from restore.runtime.conditioning import of_whole
from restore.runtime.pixels import Pixels
from restore.spec import ModelSpec

_SIDE = 64


@dataclass(frozen=True)
class Limit:
    """The largest deviation that is accepted.

    Attributes:
        psnr: least PSNR in dB between the 8-bit results, for each picture.
        levels: largest difference of any value, in levels of 255.
        share: largest difference of a class probability, for models that classify.
    """

    psnr: float
    levels: int
    share: float


@dataclass(frozen=True)
class Results:
    """A model's results for the probe pictures: pixels, and class probabilities if it classifies."""

    pixels: list[Pixels]
    shares: list[np.ndarray]


def probe_pictures(spec: ModelSpec) -> list[Pixels]:
    """A photograph-like picture, a flat one and line art, uint8 (H, W, 3), of a size that the model accepts."""
    height, width = spec.shape[1:] if spec.shape else (spec.side(_SIDE), spec.side(_SIDE))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / (3 + c) + y / (7 - c)) + np.sin(x * y / (300 + 50 * c)) for c in range(3)]
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    photo = np.clip(128 + 45 * np.stack(waves, axis=-1) + grain, 0, 255).astype(np.uint8)
    flat = np.full((height, width, 3), (52, 110, 187), np.uint8)
    art = np.full((height, width, 3), 255, np.uint8)
    middle = (width // 2, height // 2)
    cv2.circle(art, middle, min(middle) // 2, (20, 20, 20), 1)
    cv2.line(art, (0, 3), (width - 1, height - 5), (200, 30, 30), 2)
    cv2.rectangle(art, (4, 4), (width // 3, height // 3), (30, 60, 180), -1)
    return [photo, flat, art]


def results(
    spec: ModelSpec,
    enlarge: Callable[..., Pixels],
    shares: Callable[..., np.ndarray],
) -> Results:
    """Run a model on the probe pictures.

    Args:
        spec: of the model.
        enlarge: :meth:`restore.runtime.pixels.PixelNetwork.enlarge`.
        shares: :meth:`restore.runtime.model.Model.shares`; called only if the model classifies.

    Raises:
        ModelError: the model failed.
    """
    made, likely = [], []
    for picture in probe_pictures(spec):
        batch = np.repeat(picture[None], spec.shape[0] if spec.shape else 1, axis=0)
        made.append(enlarge(batch, of_whole(batch, spec)))
        if spec.kinds:
            asked, aside = question(picture, spec)
            likely.append(shares(asked, **aside))
    return Results(made, likely)


def psnr(one: Pixels, other: Pixels) -> float:
    """PSNR in dB between two pictures of 8 bits; infinite if they are equal."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def least_psnr(one: Results, other: Results) -> float:
    """The PSNR in dB of the picture that agrees least."""
    return min(psnr(a, b) for a, b in zip(one.pixels, other.pixels, strict=True))


def fault(found: Results, wanted: Results, limit: Limit) -> str:
    """How results deviate by more than the limit, as the end of a sentence; empty if they agree."""
    if any(a.shape != b.shape for a, b in zip(found.pixels, wanted.pixels, strict=True)):
        return "its results have another size"
    quality = least_psnr(found, wanted)
    worst = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found.pixels, wanted.pixels, strict=True))
    if quality < limit.psnr or worst > limit.levels:
        return f"its results differ by up to {worst} of 255, {quality:.1f} dB"
    apart = max((float(np.abs(a - b).max()) for a, b in zip(found.shares, wanted.shares, strict=True)), default=0.0)
    return f"its class probabilities differ by up to {apart:.3f}" if apart > limit.share else ""
