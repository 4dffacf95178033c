"""Check that an fp16 network works on this device.

On some GPUs and drivers, fp16 yields black or NaN. It is tested on a small picture once, when the model is opened.
"""

from __future__ import annotations

import numpy as np

from restore.errors import ModelError
from restore.runtime.conditioning import of_whole
from restore.runtime.memory import is_out_of_memory
from restore.runtime.pixels import PixelNetwork, Pixels
from restore.spec import ModelSpec

_SIDE = 64
# The result for a picture from black to white must span at least this many levels.
_LEAST_LEVELS = 8


def half_fault(model: PixelNetwork) -> str:
    """What is wrong with a model's results on this device, as the end of a sentence; empty if they are fine.

    Raises:
        ModelError: the device is out of memory, which is not fp16's fault.
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
        return f"its result for a picture from black to white was flat ({levels} levels of 255)"
    return ""


def probe_picture(spec: ModelSpec) -> Pixels:
    """A noisy ramp from black to white, uint8 (H, W, 3), of a size that the model accepts."""
    height, width = spec.shape[1:] if spec.shape else (spec.side(_SIDE), spec.side(_SIDE))
    ramp = np.linspace(0, 255, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    pixels: Pixels = np.clip(ramp + noise, 0, 255).astype(np.uint8)
    return pixels
