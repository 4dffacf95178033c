"""Compare two ways to run a model: whether their results for a photograph, a flat area and line art agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.metrics.psnr import psnr
from restore.runtime.classification import question
from restore.runtime.conditioning import Aside, of_whole
from restore.runtime.pixels import Pixels
from restore.spec import ModelSpec

if TYPE_CHECKING:
    from restore.runtime.model import Model

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


# Float32 differs only in the order of its sums. Bfloat16 rounds every number to eight significant bits; its limit is
# below what such rounding does to a picture, and above what a wrong network does. How far an 8-bit twin may be from
# float32 is measured on the standard sets when it is made, so here only garbage is refused; where another backend runs
# the twin, it may lose hardly more than onnxruntime (TWIN_SLACK).
LIMITS = {"fp32": Limit(60, 1, 0.002), "bf16": Limit(48, 8, 0.02), "int8": Limit(25, 255, 0.1)}
TWIN_SLACK = 1.0


@dataclass(frozen=True)
class Results:
    """A model's results for the probe pictures: pixels, and class probabilities if it classifies."""

    pixels: list[Pixels]
    shares: list[NDArray[np.float32]]


def probe_pictures(spec: ModelSpec, side: int = _SIDE) -> list[Pixels]:
    """A photograph-like picture, backlit so that such models have work, a flat one and line art, uint8 (H, W, 3).

    Args:
        spec: of the model; the pictures have a size that it accepts.
        side: about their height and width.
    """
    height, width = spec.shape[1:] if spec.shape else (spec.side(side), spec.side(side))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / (3 + c) + y / (7 - c)) + np.sin(x * y / (300 + 50 * c)) for c in range(3)]
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    light = np.where(y < height // 4, 1.0, 0.2)[..., None]
    photo = np.clip((128 + 45 * np.stack(waves, axis=-1) + grain) * light, 0, 255).astype(np.uint8)
    flat = np.full((height, width, 3), (52, 110, 187), np.uint8)
    art = np.full((height, width, 3), 255, np.uint8)
    middle = (width // 2, height // 2)
    cv2.circle(art, middle, min(middle) // 2, (20, 20, 20), 1)
    cv2.line(art, (0, 3), (width - 1, height - 5), (200, 30, 30), 2)
    cv2.rectangle(art, (4, 4), (width // 3, height // 3), (30, 60, 180), -1)
    return [photo, flat, art]


def results(model: Model) -> Results:
    """Run a model on the probe pictures.

    Raises:
        ModelError: the model failed.
    """
    made, likely = [], []
    for picture in probe_pictures(model.spec):
        made.append(model.enlarge(*batch(picture, model.spec)))
        if model.spec.kinds:
            asked, aside = question(picture, model.spec)
            likely.append(model.shares(asked, **aside))
    return Results(made, likely)


def batch(picture: Pixels, spec: ModelSpec) -> tuple[Pixels, Aside]:
    """The arguments of ``enlarge`` for a picture from :func:`probe_pictures`."""
    pixels = np.repeat(picture[None], spec.shape[0] if spec.shape else 1, axis=0)
    return pixels, of_whole(pixels, spec)


def less_than_twin(found: Results, twin: Results, wanted: Results) -> str:
    """Whether a backend loses more with an 8-bit twin than onnxruntime does, as for :func:`fault`."""
    for one, usual, right in zip(found.pixels, twin.pixels, wanted.pixels, strict=True):
        if one.shape == right.shape and psnr(one, right) < psnr(usual, right) - TWIN_SLACK:
            return f"it is {psnr(one, right):.1f} dB from fp32, and onnxruntime {psnr(usual, right):.1f} dB"
    return ""


def fault(found: Results, wanted: Results, limit: Limit) -> str:
    """How results deviate by more than the limit, as the end of a sentence; empty if they agree."""
    if any(a.shape != b.shape for a, b in zip(found.pixels, wanted.pixels, strict=True)):
        return "its results have another size"
    quality = min(psnr(a, b) for a, b in zip(found.pixels, wanted.pixels, strict=True))
    worst = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found.pixels, wanted.pixels, strict=True))
    if quality < limit.psnr or worst > limit.levels:
        return f"its results differ by up to {worst} of 255, {quality:.1f} dB"
    apart = max((float(np.abs(a - b).max()) for a, b in zip(found.shares, wanted.shares, strict=True)), default=0.0)
    return f"its class probabilities differ by up to {apart:.3f}" if apart > limit.share else ""
