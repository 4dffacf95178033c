"""Test inputs for models, as floats on the model's range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from restore.runtime.conditioning import Aside, of_whole
from restore.runtime.pixels import Pixels, to_range
from restore.spec import ModelSpec

Shape = tuple[int, int, int, int]


def shapes(spec: ModelSpec) -> list[Shape]:
    """Shapes to test: minimum, odd, not square, a batch, larger; rounded up to the network's multiple."""
    if spec.shape is not None:
        count, height, width = spec.shape
        return [(count, spec.channels, height, width)]

    sides = [(1, 1, 1), (1, 31, 31), (1, 24, 57), (2, 33, 20), (1, 130, 64)]
    return [(n, spec.channels, spec.side(h), spec.side(w)) for n, h, w in sides]


def aside(spec: ModelSpec, shape: Shape, draw: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Random values for a model's inputs other than the picture, in order."""
    count, channels, height, width = shape
    found = {}
    for name in spec.inputs[1:]:
        if name == "thumbnail":
            found[name] = draw.random((count, channels, spec.context, spec.context), dtype=np.float32)
            found[name] = found[name] * np.float32(spec.high - spec.low) + np.float32(spec.low)
        elif name == "strength":
            found[name] = draw.random(count, dtype=np.float32)
        elif name == "noise":
            size = (count, channels, height * spec.scale, width * spec.scale)
            found[name] = draw.standard_normal(size, dtype=np.float32)
        else:
            found[name] = np.sort(draw.random((count, height if name == "rows" else width), dtype=np.float32))
    return found


def of_pixels(pictures: Sequence[Pixels], spec: ModelSpec, strength: float = 1.0) -> tuple[NDArray[np.float32], Aside]:
    """Inputs for whole pictures of one size, as the runtime builds them.

    Args:
        pictures: uint8 or uint16 (H, W, 3), as many as a fixed shape's batch size.
        spec: of the model.
        strength: for models with adjustable strength.

    Returns:
        The batch (N, 3, H, W) on the model's range, and the model's other inputs.
    """
    pixels = np.stack(pictures)
    gain, offset = to_range(spec, pixels.dtype)
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) * gain + offset
    return batch, of_whole(pixels, spec, strength)
