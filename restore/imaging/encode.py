"""Write a picture in a format, with its metadata."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import Picture

# What can be written: the suffix and Pillow's name.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_NO_ALPHA = {"JPEG", "BMP"}
# The longest side that a format can hold.
_LONGEST = {"JPEG": 65_535, "WEBP": 16_383}


def encode(picture: Picture, suffix: str, quality: int = 95) -> bytes:
    """The bytes of a picture file.

    Args:
        picture: pixels and metadata. Alpha is laid over white where the format has none.
        suffix: one of :data:`FORMATS`, which says the format.
        quality: of JPEG and WebP, 1..100. JPEG is written without chroma subsampling from 90 on.

    Raises:
        ImageError: the format cannot hold the picture.
    """
    kind = FORMATS[suffix.lower()]
    height, width = picture.size
    if max(height, width) > _LONGEST.get(kind, 2**31):
        raise ImageError(f"{width} x {height} pixels are more than {kind} can hold: choose another --format")
    if picture.alpha is not None and kind in _NO_ALPHA:
        picture = _over_white(picture)
    if kind == "PNG":
        return _png(picture)
    return _pillow(picture, kind, quality)


def _over_white(picture: Picture) -> Picture:
    assert picture.alpha is not None
    alpha = picture.alpha[..., None].astype(np.uint32)
    mixed = (picture.pixels * alpha + 255 * (255 - alpha) + 127) // 255
    return Picture(mixed.astype(np.uint8), None, picture.icc, picture.exif, picture.format)


def _stacked(picture: Picture) -> NDArray[Any]:
    """(H, W) or (H, W, C): grey, grey-alpha, RGB or RGBA."""
    if picture.alpha is not None:
        return np.dstack([picture.pixels, picture.alpha])
    return picture.pixels if picture.pixels.shape[2] == 3 else picture.pixels[..., 0]


def _pillow(picture: Picture, kind: str, quality: int) -> bytes:
    image = Image.fromarray(_stacked(picture))
    options: dict[str, Any] = {}
    if kind in ("JPEG", "WEBP"):
        options["quality"] = quality
    if kind == "JPEG":
        options["subsampling"] = 0 if quality >= 90 else 2
    if kind == "TIFF" and not _has_sub_blocks(picture.exif):
        # libtiff, which compresses, refuses EXIF with blocks inside it (camera data, place); Pillow's writer does not.
        options["compression"] = "tiff_adobe_deflate"
    if picture.icc and kind != "BMP":
        options["icc_profile"] = picture.icc
    if picture.exif and kind != "BMP":
        options["exif"] = picture.exif
    buffer = io.BytesIO()
    try:
        image.save(buffer, kind, **options)
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        raise ImageError(f"cannot be written as {kind}: {error}") from error
    return buffer.getvalue()


def _has_sub_blocks(exif: bytes | None) -> bool:
    if not exif:
        return False
    block = Image.Exif()
    block.load(exif)
    return 0x8769 in block or 0x8825 in block


def _png(picture: Picture) -> bytes:
    """PNG through OpenCV, whose encoder is much faster than Pillow's default."""
    if picture.alpha is not None and picture.pixels.shape[2] == 1:
        return _pillow(picture, "PNG", 0)  # OpenCV has no grey with alpha
    import cv2

    pixels = _stacked(picture)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    kinds: list[int] = []
    blocks: list[NDArray[np.uint8]] = []
    if picture.exif:
        # OpenCV wants the TIFF structure alone, Pillow gives it with its JPEG header.
        kinds.append(cv2.IMAGE_METADATA_EXIF)
        blocks.append(np.frombuffer(picture.exif.removeprefix(b"Exif\0\0"), np.uint8))
    if picture.icc:
        kinds.append(cv2.IMAGE_METADATA_ICCP)
        blocks.append(np.frombuffer(picture.icc, np.uint8))
    done, data = cv2.imencodeWithMetadata(".png", pixels, kinds, blocks)
    if not done:
        raise ImageError(f"OpenCV could not encode {pixels.shape[1]} x {pixels.shape[0]} pixels as PNG")
    return data.tobytes()
