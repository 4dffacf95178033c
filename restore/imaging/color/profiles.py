"""Color profiles: whether one fits the pixels, and conversion of CMYK and LAB to sRGB."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SPACES = {1: b"GRAY", 3: b"RGB "}


def fits(icc: bytes, channels: int) -> bool:
    """Whether a profile is for gray (1 channel) or RGB (3) pixels; a broken one fits nothing."""
    return len(icc) >= 128 and icc[36:40] == b"acsp" and icc[16:20] == _SPACES[channels]


def is_srgb(icc: bytes) -> bool:
    """Whether a profile is one of the usual ones of sRGB, by its name."""
    return icc[16:20] == b"RGB " and any("sRGB".encode(encoding) in icc for encoding in ("ascii", "utf-16-be"))


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Convert a CMYK or LAB picture to sRGB, by its profile if that is usable.

    Args:
        image: mode ``CMYK`` or ``LAB``.
        icc: the file's profile; LAB needs none, CMYK without one is treated as complements of RGB.
    """
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif icc:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        else:
            return image.convert("RGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB")
    assert converted is not None  # None only when converting in place
    return converted


def pixels_to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """Convert gray or RGB pixels from a profile to sRGB.

    Args:
        pixels: (H, W, 1) or (H, W, 3).
        icc: the profile, one that :func:`fits`; if it is unusable, the colors stay unchanged.

    Returns:
        (H, W, 3).
    """
    from PIL import ImageCms

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = image.convert("RGB")
    assert converted is not None  # None only when converting in place
    return np.asarray(converted)
