"""Which kind of picture a model believes that it was given, and how sure it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restore.runtime.conditioning import Aside, thumbnail
from restore.spec import ModelSpec


class Belief(NamedTuple):
    """The likeliest kind, one of the spec's ``kinds``, and its share of the belief, 0..1."""

    kind: str
    share: float


def question(pixels: NDArray[Any], spec: ModelSpec) -> tuple[NDArray[np.float32], Aside]:
    """What to run a model on for its belief about a picture: it judges by the thumbnail, so the smallest tile will do.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        spec: of a model with a context.

    Returns:
        A batch of one black tile, or as many of the size that the model's shape says, and what belongs beside it.
    """
    count, height, width = spec.shape or (1, spec.side(1), spec.side(1))
    aside = {"thumbnail": np.repeat(thumbnail(pixels, spec)[None], count, axis=0)}
    for name, side in (("rows", height), ("columns", width)):
        places = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
        aside[name] = np.repeat(places[None], count, axis=0)
    if spec.strength:
        aside["strength"] = np.ones(count, np.float32)
    return np.full((count, spec.channels, height, width), spec.low, np.float32), aside


def likeliest(shares: NDArray[np.float32], spec: ModelSpec) -> Belief:
    """The belief out of the model's second output, (N, kinds), about its first picture."""
    best = int(shares[0].argmax())
    return Belief(spec.kinds[best], float(shares[0, best]))
