"""16 bits per channel where Pillow, which supports them only for gray, would read 8."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.errors import ImageError
from restore.imaging import jxl
from restore.imaging.arrays import AnyArray

_PNG_GRAY_ALPHA = 4
_BLANK = rb"(?:\s|#[^\n]*\n)+"
_PNM = re.compile(rb"P([2356])" + _BLANK + rb"(\d+)" + _BLANK + rb"(\d+)" + _BLANK + rb"(\d+)\s")


def is_deep_png(data: bytes) -> bool:
    """Whether a PNG file has 16 bits per channel, by its header."""
    return data[24:25] == b"\x10"


def read_png(image: Image.Image, data: bytes) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Read a 16-bit PNG with color or alpha. OpenCV's 16 bits must agree with Pillow's, which are the upper 8.

    OpenCV alone may return a truncated picture as if it were complete.

    Args:
        image: as loaded by Pillow.
        data: bytes of the file.

    Returns:
        uint16 (H, W, 1 or 3), and alpha as uint16 (H, W) or None; as stored, not turned upright.

    Raises:
        ImageError: the two decoders disagree.
    """
    import cv2

    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    upper = np.asarray(image)
    if read is None or read.dtype != np.uint16 or read.ndim != 3 or read.shape[:2] != upper.shape[:2]:
        raise ImageError("damaged picture: its 16-bit samples cannot be decoded")
    pixels = cv2.cvtColor(read, cv2.COLOR_BGRA2RGB if read.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    alpha = read[..., 3] if image.mode == "RGBA" else None
    stacked = pixels if alpha is None else np.dstack([pixels, alpha])
    if not np.array_equal((stacked >> 8).astype(np.uint8), upper):
        raise ImageError("damaged picture: two decoders read its 16-bit samples differently")
    if alpha is None:
        alpha = keyed_alpha(pixels, image.info.get("transparency"))
    if data[25] == _PNG_GRAY_ALPHA:  # both decoders return RGBA
        pixels = pixels[..., :1]
    return np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(alpha)


def keyed_alpha(pixels: NDArray[np.uint16], key: object) -> NDArray[np.uint16] | None:
    """Alpha from the one color declared transparent; None if there is none."""
    if key is None:
        return None
    return np.where((pixels == np.asarray(key, np.uint16)).all(axis=2), 0, 65_535).astype(np.uint16)


def read_pnm(data: bytes) -> NDArray[np.uint16] | None:
    """A binary PPM or PGM with more than 8 bits per sample, scaled to 16, as (H, W, 1 or 3); None for any other file.

    Raises:
        ValueError: the samples are truncated.
    """
    header = _PNM.match(data)
    if header is None or header[1] not in b"56" or int(header[4]) <= 255:
        return None
    width, height, most = (int(header[n]) for n in (2, 3, 4))
    channels = 3 if header[1] == b"6" else 1
    values = np.frombuffer(data, ">u2", count=width * height * channels, offset=header.end())
    return stretched(values, most).reshape(height, width, channels)


def stretched(values: AnyArray, most: int) -> NDArray[np.uint16]:
    """Samples in 0..``most``, scaled to 16 bits."""
    wide: NDArray[np.uint32] = np.minimum(values, most).astype(np.uint32) * np.uint32(65_535)
    return ((wide + np.uint32(most // 2)) // np.uint32(most)).astype(np.uint16)


def bits_in_file(image: Image.Image, data: bytes) -> int:
    """Bits per channel according to the file's header; 8 if it does not say."""
    if image.format == "TIFF":
        from PIL.TiffImagePlugin import TiffImageFile

        assert isinstance(image, TiffImageFile)
        bits = image.tag_v2.get(258, 8)
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    if image.format == "PPM":
        header = _PNM.match(data)
        return int(header[4]).bit_length() if header else 8
    if image.format == "JPEG2000":
        at = data.find(b"\xff\x4f\xff\x51")  # start of codestream and SIZ; channel 0 has its depth 42 bytes later
        return (data[at + 42] & 0x7F) + 1 if 0 <= at < len(data) - 42 else 8
    if image.format == "AVIF":
        from restore.imaging import heif

        return heif.properties(data).bits or 8
    if image.format == "JXL":
        return 16 if jxl.read_header(data).bits > 8 else 8  # decoders scale to 16
    if image.format == "HEIF":
        at = data.find(b"pixi", 0, 65_536)  # version and flags, the number of channels, the bits of each
        return data[at + 9] if 0 <= at < len(data) - 9 else 8
    return 8
