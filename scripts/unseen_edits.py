"""Edits and renderings of filters that are used to judge unfilter and must never be used to train it.

Their formulas differ from everything in ``restore.data.filters``. Edits work in CIE Lab, in HSV or in linear light;
those used in training work on the channels' values. Filters are those that the package ``instafilter`` learned from
pictures filtered by Instagram itself; training uses CSSgram's and Instagram.css's definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from restore.data.filters.options import DEFAULT_NAMES

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

# Opacities of every edit and every filter.
STRENGTHS = (0.3, 0.6, 1.0)
# instafilter's name for Xpro2.
_XPRO2 = "X-ProII"
# Side of the lookup table of a rendering, in entries.
_SIDE = 33


def _lab(photo: Pixels) -> Floats:
    """L in 0..100, a and b."""
    return np.asarray(cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _of_lab(lab: Floats) -> Pixels:
    lab[..., 0] = np.clip(lab[..., 0], 0, 100)
    return _bytes(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def _linear(photo: Pixels) -> Floats:
    values = photo.astype(np.float32) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _of_linear(values: Floats) -> Pixels:
    values = np.clip(values, 0, 1)
    return _bytes(np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055))


def _bytes(values: NDArray[np.floating]) -> Pixels:
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def s_curve(photo: Pixels) -> Pixels:
    """More contrast of lightness by a logistic curve."""
    lab = _lab(photo)
    ends = 1 / (1 + np.exp(np.array([2.5, -2.5])))
    lab[..., 0] = 100 * (1 / (1 + np.exp(-5 * (lab[..., 0] / 100 - 0.5))) - ends[0]) / (ends[1] - ends[0])
    return _of_lab(lab)


def channel_curves(photo: Pixels) -> Pixels:
    """Cross-processing: an S in red and green, the opposite in blue, by sines."""
    values = photo.astype(np.float32) / 255
    return _bytes(values - np.float32([0.07, 0.04, -0.08]) * np.sin(2 * np.pi * values))


def matte(photo: Pixels) -> Pixels:
    """Blacks lifted in lightness, with a soft toe."""
    lab = _lab(photo)
    lab[..., 0] = np.log(np.exp(lab[..., 0] / 12) + np.exp(22 / 12)) * 12 * 0.97
    return _of_lab(lab)


def teal_orange(photo: Pixels) -> Pixels:
    """Shadows to teal and highlights to orange, by lightness in Lab."""
    lab = _lab(photo)
    high = (lab[..., 0] / 100) ** 1.5
    lab[..., 1] += -10 * (1 - high) + 8 * high
    lab[..., 2] += -12 * (1 - high) + 16 * high
    return _of_lab(lab)


def faded_film(photo: Pixels) -> Pixels:
    """Violet shadows, yellow highlights, less contrast."""
    lab = _lab(photo)
    low = 1 - lab[..., 0] / 100
    lab[..., 0] = 14 + 0.8 * lab[..., 0]
    lab[..., 1] = 0.85 * lab[..., 1] + 9 * low**2
    lab[..., 2] = 0.85 * lab[..., 2] - 10 * low**2 + 10 * (1 - low) ** 2
    return _of_lab(lab)


def warm(photo: Pixels) -> Pixels:
    """Warmer white balance: 8,000 K instead of 5,500 K, in linear light."""
    return _of_linear(_linear(photo) * np.float32([1.22, 1.0, 0.72]))


def cold(photo: Pixels) -> Pixels:
    """Colder white balance, in linear light."""
    return _of_linear(_linear(photo) * np.float32([0.8, 0.98, 1.3]))


def saturated(photo: Pixels) -> Pixels:
    """Saturation in HSV times 1.4."""
    return _by_saturation(photo, lambda saturation: 1.4 * saturation)


def vibrant(photo: Pixels) -> Pixels:
    """A power of the saturation in HSV, which affects pale colors the most."""
    return _by_saturation(photo, lambda saturation: saturation**0.7)


def muted(photo: Pixels) -> Pixels:
    """Half of the chroma, in Lab."""
    lab = _lab(photo)
    lab[..., 1:] *= 0.5
    return _of_lab(lab)


def brighter(photo: Pixels) -> Pixels:
    """Brighter by 0.6 stops, in linear light."""
    return _of_linear(_linear(photo) * np.float32(2**0.6))


def vignette(photo: Pixels) -> Pixels:
    """A lens's fall-off, the fourth power of a cosine, in linear light."""
    height, width = photo.shape[:2]
    y, x = (np.arange(n) + 0.5 - n / 2 for n in (height, width))
    radius = np.hypot(y[:, None], x) / np.hypot(height / 2, width / 2)
    fall = np.cos(np.arctan(0.75 * radius)) ** 4
    return _of_linear(_linear(photo) * fall[..., None].astype(np.float32))


def grain(photo: Pixels) -> Pixels:
    """Noise on the lightness, strongest in the midtones."""
    lab = _lab(photo)
    noise = np.random.default_rng(int(photo[::16, ::16].sum())).normal(0, 4.5, photo.shape[:2]).astype(np.float32)
    lab[..., 0] += cv2.GaussianBlur(noise, (0, 0), 0.6) * 1.5 * np.sin(np.pi * lab[..., 0] / 100)
    return _of_lab(lab)


def monochrome(photo: Pixels) -> Pixels:
    """Only the lightness."""
    lab = _lab(photo)
    lab[..., 1:] = 0
    return _of_lab(lab)


def bleach_bypass(photo: Pixels) -> Pixels:
    """The lightness blended over the picture, with less color."""
    values = photo.astype(np.float32) / 255
    gray = _bytes_to_float(monochrome(photo))
    laid = np.where(gray < 0.5, 2 * values * gray, 1 - 2 * (1 - values) * (1 - gray))
    return _bytes(0.4 * values + 0.6 * laid * 0.7 + 0.6 * 0.3 * gray)


def light_leak(photo: Pixels) -> Pixels:
    """Orange light from the left edge, screened."""
    height, width = photo.shape[:2]
    across = np.exp(-((((np.arange(width) + 0.5) / width) / 0.3) ** 2))
    light = across[None, :, None] * np.float32([0.6, 0.28, 0.08])
    values = photo.astype(np.float32) / 255
    return _bytes(1 - (1 - values) * (1 - np.broadcast_to(light, (height, width, 3))))


def clarity(photo: Pixels) -> Pixels:
    """Local contrast: amplify the difference to a wide blur of the lightness."""
    lab = _lab(photo)
    wide = cv2.GaussianBlur(lab[..., 0], (0, 0), min(photo.shape[:2]) / 20)
    lab[..., 0] += 0.5 * (lab[..., 0] - wide)
    return _of_lab(lab)


def _by_saturation(photo: Pixels, change: Callable[[Floats], Floats]) -> Pixels:
    hsv = np.asarray(cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2HSV), np.float32)
    hsv[..., 1] = np.clip(change(hsv[..., 1]), 0, 1)
    return _bytes(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _bytes_to_float(photo: Pixels) -> Floats:
    return photo.astype(np.float32) / 255


EDITS: dict[str, Callable[[Pixels], Pixels]] = {
    "s-curve": s_curve,
    "channel curves": channel_curves,
    "matte": matte,
    "teal and orange": teal_orange,
    "faded film": faded_film,
    "warm": warm,
    "cold": cold,
    "saturated": saturated,
    "vibrant": vibrant,
    "muted": muted,
    "brighter": brighter,
    "vignette": vignette,
    "grain": grain,
    "monochrome": monochrome,
    "bleach bypass": bleach_bypass,
    "light leak": light_leak,
    "clarity": clarity,
}


def _looked_up(lookup: ImageFilter.Color3DLUT, photo: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(photo).filter(lookup))


def renderings() -> dict[str, Callable[[Pixels], Pixels]]:
    """The filters of ``instafilter`` by the names in our library, those that our library has first.

    Their networks map single colors, so each is sampled into a table with 33 colors per side.

    Raises:
        ImportError: ``pip install --no-deps instafilter`` was not run.
    """
    from instafilter import Instafilter

    side = np.round(np.linspace(0, 255, _SIDE)).astype(np.uint8)
    blue, green, red = np.meshgrid(side, side, side, indexing="ij")  # red varies fastest
    colors = np.stack((blue, green, red), axis=-1).reshape(-1, _SIDE, 3)  # it takes and returns BGR
    found = {}
    for name in Instafilter.get_models():
        made = Instafilter(name, device="cpu")(colors)[..., ::-1]
        lookup = ImageFilter.Color3DLUT(_SIDE, (made.astype(np.float32) / 255).ravel())
        key = "xpro2" if name == _XPRO2 else name.lower().replace("-", "")
        found[key] = partial(_looked_up, lookup)
    return dict(sorted(found.items(), key=lambda item: (item[0] not in DEFAULT_NAMES, item[0])))
