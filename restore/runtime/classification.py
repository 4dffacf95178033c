"""What a model tells about a picture: which kind it is and how confident the model is, and the edit that it makes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restore.imaging.arrays import AnyArray
from restore.runtime.conditioning import Aside, thumbnail
from restore.runtime.edit import Edit
from restore.runtime.noise import noise_field
from restore.spec import ModelSpec


class Belief(NamedTuple):
    """The most probable of the spec's ``kinds``, and its probability, 0..1."""

    kind: str
    share: float


class Told(NamedTuple):
    """What a model tells about a picture; None for what it has no output for."""

    belief: Belief | None = None
    edit: Edit | None = None


UNTOLD = Told()


def question(pixels: AnyArray, spec: ModelSpec, strength: float = 1.0) -> tuple[NDArray[np.float32], Aside]:
    """Inputs that make a model tell about a picture. It looks only at the thumbnail, so the smallest tile is enough.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        spec: of a model with a context.
        strength: 0..1, of models with that input.

    Returns:
        A batch of one black tile (or as many, of the size, that a fixed-shape model requires) and the other inputs.
    """
    count, height, width = spec.shape or (1, spec.side(1), spec.side(1))
    aside = {"thumbnail": np.repeat(thumbnail(pixels, spec)[None], count, axis=0)}
    for name, side in (("rows", height), ("columns", width)):
        places = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
        aside[name] = np.repeat(places[None], count, axis=0)
    if spec.strength:
        aside["strength"] = np.full(count, strength, np.float32)
    if spec.noise:
        noise = noise_field(range(height * spec.scale), range(width * spec.scale), spec.seed)
        aside["noise"] = np.repeat(noise, count, axis=0)
    return np.full((count, spec.channels, height, width), spec.low, np.float32), aside


def likeliest(shares: NDArray[np.float32], spec: ModelSpec) -> Belief:
    """The classification of the first picture, from the model's second output (N, kinds)."""
    best = int(shares[0].argmax())
    return Belief(spec.kinds[best], float(shares[0, best]))
