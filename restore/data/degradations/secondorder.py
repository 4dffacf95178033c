"""The second-order degradation: what happens to a photograph, twice.

Wang, Xie, Dong, Shan, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data" (ICCVW 2021):
blur, resize, noise and JPEG, the same again, and a sinc filter at the end. Two things differ from the authors' code:
JPEG is libjpeg's, of a whole quality, and Poisson noise depends on the light alone (see :mod:`.poisson_noise`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from restore.data.degradations import kernels
from restore.data.degradations.blur import blur
from restore.data.degradations.gaussian_noise import gaussian_noise
from restore.data.degradations.jpeg import jpeg, to_float, to_uint8
from restore.data.degradations.options import Blur, Final, Jpeg, Noise, Resize, SecondOrder
from restore.data.degradations.poisson_noise import poisson_noise
from restore.data.degradations.resize import Filter, resize

_Image = NDArray[np.float32]

# Below this size a sinc filter has another range of cutoffs.
_SMALL = 13


def second_order(
    high: NDArray[np.uint8], scale: int, options: SecondOrder, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """The low resolution of a patch or picture, degraded at random.

    Args:
        high: uint8 RGB (H, W, 3), both sides multiples of ``scale``.
        scale: the factor; 1 keeps the size.
        options: what may be drawn.
        draw: what all that is random comes from.

    Returns:
        uint8 RGB (H / scale, W / scale, 3).

    Raises:
        ValueError: a side is not a multiple of ``scale``.
    """
    height, width = high.shape[0] // scale, high.shape[1] // scale
    if high.shape != (height * scale, width * scale, 3) or 0 in high.shape:
        raise ValueError(f"expected RGB with sides that are multiples of {scale}, not an array of shape {high.shape}")
    first, second, final = options.first, options.second, options.final

    image = _blurred(to_float(high), first.blur, draw)
    image = _resized(image, high.shape[0], high.shape[1], first.resize, draw)
    image = _noised(image, first.noise, draw)
    image = _compressed(image, first.jpeg, draw)

    image = _blurred(image, second.blur, draw)
    image = _resized(image, height, width, second.resize, draw)
    image = _noised(image, second.noise, draw)
    # A sinc filter, then JPEG, then a resize would twist lines: the resize and the sinc filter stay together.
    if draw.random() < final.before_jpeg:
        image = _finished(image, height, width, final, draw)
        image = _compressed(image, second.jpeg, draw)
    else:
        image = _compressed(image, second.jpeg, draw)
        image = _finished(image, height, width, final, draw)
    return to_uint8(image)


def draw_kernel(options: Blur, draw: np.random.Generator) -> kernels.Kernel:
    """A random blur kernel."""
    size = _odd(options.size, draw)
    if draw.random() < options.sinc_probability:
        cutoff = options.cutoff_small if size < _SMALL else options.cutoff
        return kernels.sinc_kernel(size, math.pi * draw.uniform(*cutoff))
    kind = _choice(options.kernels.shares(), draw)
    sigma_x = sigma_y = draw.uniform(*options.sigma)
    angle = 0.0
    if kind.endswith("aniso"):
        sigma_y = draw.uniform(*options.sigma)
        angle = draw.uniform(-math.pi, math.pi)
    if kind.startswith("plateau"):
        return kernels.plateau_kernel(size, sigma_x, sigma_y, angle, _beta(options.plateau_beta, draw))
    beta = _beta(options.generalized_beta, draw) if kind.startswith("generalized") else 1.0
    return kernels.gaussian_kernel(size, sigma_x, sigma_y, angle, beta)


def _blurred(image: _Image, options: Blur, draw: np.random.Generator) -> _Image:
    return blur(image, draw_kernel(options, draw)) if draw.random() < options.probability else image


def _resized(image: _Image, height: int, width: int, options: Resize, draw: np.random.Generator) -> _Image:
    """To ``height`` by ``width``, times a random factor."""
    least, most = options.factor
    ranges = {"up": (1.0, most), "down": (least, 1.0), "keep": (1.0, 1.0)}
    factor = draw.uniform(*ranges[_choice(options.shares(), draw)])
    return resize(image, max(1, int(height * factor)), max(1, int(width * factor)), _filter(options.filters, draw))


def _noised(image: _Image, options: Noise, draw: np.random.Generator) -> _Image:
    if draw.random() >= options.probability:
        return image
    gaussian = draw.random() < options.gaussian_probability
    grey = draw.random() < options.grey_probability
    if gaussian:
        return gaussian_noise(image, draw.uniform(*options.sigma), grey, draw)
    return poisson_noise(image, draw.uniform(*options.poisson_scale), grey, draw)


def _compressed(image: _Image, options: Jpeg, draw: np.random.Generator) -> _Image:
    if draw.random() >= options.probability:
        return image
    return jpeg(image, int(draw.integers(options.quality[0], options.quality[1], endpoint=True)))


def _finished(image: _Image, height: int, width: int, options: Final, draw: np.random.Generator) -> _Image:
    image = resize(image, height, width, _filter(options.filters, draw))
    if draw.random() >= options.probability:
        return image
    size = _odd(options.size, draw)
    return blur(image, kernels.sinc_kernel(size, math.pi * draw.uniform(*options.cutoff)))


def _odd(sizes: tuple[int, int], draw: np.random.Generator) -> int:
    return int(draw.integers(sizes[0] // 2, sizes[1] // 2, endpoint=True)) * 2 + 1


def _choice(shares: dict[str, float], draw: np.random.Generator) -> str:
    names, weights = list(shares), np.array(list(shares.values()))
    return names[int(draw.choice(len(names), p=weights / weights.sum()))]


def _filter(filters: Sequence[Filter], draw: np.random.Generator) -> Filter:
    return filters[int(draw.integers(len(filters)))]


def _beta(betas: tuple[float, float], draw: np.random.Generator) -> float:
    """As often below 1 as above it, though the range reaches further above."""
    least, most = betas
    if not least <= 1 <= most:
        return draw.uniform(least, most)
    return draw.uniform(least, 1) if draw.random() < 0.5 else draw.uniform(1, most)
