"""The second-order degradation, which degrades a photograph twice.

Wang, Xie, Dong, Shan, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data" (ICCVW 2021):
blur, resize, noise and JPEG, the same again, and a final sinc filter. Two things differ from the authors' code: JPEG
uses libjpeg with integer quality, and Poisson noise depends only on the light (see :mod:`.poisson_noise`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from restore.data.degradations import kernels
from restore.data.degradations.base import Image, draw_odd
from restore.data.degradations.blur import blur
from restore.data.degradations.jpeg import to_float, to_uint8
from restore.data.degradations.options import Final, SecondOrder
from restore.data.degradations.resize import draw_filter, resize


def second_order(
    high: NDArray[np.uint8], scale: int, options: SecondOrder, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Make a randomly degraded low-resolution version of a patch or picture.

    Args:
        high: uint8 RGB (H, W, 3), both sides multiples of ``scale``.
        scale: the factor; 1 keeps the size.
        options: ranges to draw from.
        draw: source of all randomness.

    Returns:
        uint8 RGB (H / scale, W / scale, 3).

    Raises:
        ValueError: a side is not a multiple of ``scale``.
    """
    height, width = high.shape[0] // scale, high.shape[1] // scale
    if high.shape != (height * scale, width * scale, 3) or 0 in high.shape:
        raise ValueError(f"expected RGB with sides that are multiples of {scale}, not an array of shape {high.shape}")
    if options.mix:
        return second_order(high, scale, options.mix[int(draw.integers(len(options.mix)))], draw)
    first, second, final = options.first, options.second, options.final

    image = to_float(high)
    for step in options.before:
        image = step(image, draw)
    image = first.blur(image, draw)
    image = first.resize.apply(image, high.shape[0], high.shape[1], draw)
    image = first.noise(image, draw)
    image = first.jpeg(image, draw)

    image = second.blur(image, draw)
    image = second.resize.apply(image, height, width, draw)
    image = second.noise(image, draw)
    # Resize and sinc filter stay together, because a sinc filter, JPEG and then a resize would twist lines.
    if draw.random() < final.before_jpeg:
        image = _finished(image, height, width, final, draw)
        image = second.jpeg(image, draw)
    else:
        image = second.jpeg(image, draw)
        image = _finished(image, height, width, final, draw)
    for step in options.after:
        image = step(image, draw)
    return to_uint8(image)


def _finished(image: Image, height: int, width: int, options: Final, draw: np.random.Generator) -> Image:
    image = resize(image, height, width, draw_filter(options.filters, draw))
    if draw.random() >= options.probability:
        return image
    size = draw_odd(options.size, draw)
    return blur(image, kernels.sinc_kernel(size, math.pi * draw.uniform(*options.cutoff)))
