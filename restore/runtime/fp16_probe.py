"""Whether a network in 16 bits still gives pictures on this device.

Some GPUs and drivers give black or values that are not numbers where others do not: it is tried once, when the model is
opened, on a small picture.
"""

from __future__ import annotations

import numpy as np

from restore.errors import ModelError
from restore.runtime.conditioning import of_whole
from restore.runtime.memory import is_out_of_memory
from restore.runtime.pixels import PixelNetwork, Pixels
from restore.spec import ModelSpec

_SIDE = 64
# Fewer levels than this between darkest and brightest, of a picture from black to white, is no picture.
_LEAST_LEVELS = 8


def half_fault(model: PixelNetwork) -> str:
    """What is wrong with a model's results on this device, as an end of a sentence; empty if nothing is.

    Raises:
        ModelError: the device has no memory left, which is no fault of 16 bits.
    """
    pixels = probe_picture(model.spec)
    batch = np.repeat(pixels[None], model.spec.shape[0] if model.spec.shape else 1, axis=0)
    try:
        result = model.enlarge(batch, of_whole(batch, model.spec))
    except ModelError as error:
        if is_out_of_memory(error):
            raise
        return str(error)
    levels = int(result.max()) - int(result.min())
    if levels < _LEAST_LEVELS:
        return f"it gave a flat picture ({levels} levels of 255) for one from black to white"
    return ""


def probe_picture(spec: ModelSpec) -> Pixels:
    """A ramp from black to white with noise on it, uint8 (H, W, 3), of a size that the model takes."""
    height, width = spec.shape[1:] if spec.shape else (spec.side(_SIDE), spec.side(_SIDE))
    ramp = np.linspace(0, 255, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    pixels: Pixels = np.clip(ramp + noise, 0, 255).astype(np.uint8)
    return pixels
