"""One picture of a job: from its file to arrays for the network, and from the results to the bytes of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.imaging.decode import Picture, read_picture
from restore.imaging.encode import encode
from restore.imaging.resize import resize
from restore.jobs.options import PictureOptions


def decode(path: Path, options: PictureOptions) -> Picture:
    """Read a picture.

    Raises:
        ImageError: it cannot be read, is damaged or too large.
    """
    return read_picture(path, options.pixel_limit)


def decoded_bytes(path: Path) -> int:
    """What a picture will take in memory, by its file's header: four bytes a pixel; 0 where Pillow cannot tell."""
    try:
        with Image.open(path) as image:
            return image.width * image.height * 4
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0  # decoding will say what is wrong


def held_bytes(picture: Picture) -> int:
    """What a decoded picture takes in memory."""
    return picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)


def to_arrays(picture: Picture) -> list[NDArray[np.uint8]]:
    """What the network shall enhance of a picture: its colours, as RGB (H, W, 3), for a network knows nothing else."""
    grey = picture.pixels.shape[2] == 1
    return [np.repeat(picture.pixels, 3, axis=2) if grey else picture.pixels]


def from_arrays(picture: Picture, results: list[NDArray[np.uint8]]) -> Picture:
    """The enhanced picture out of what became of :func:`to_arrays`: grey stays grey, alpha is resized beside it."""
    (pixels,) = results
    if picture.pixels.shape[2] == 1:
        pixels = np.round(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
    alpha = picture.alpha
    if alpha is not None and pixels.shape[0] != picture.size[0]:
        alpha = resize(alpha, pixels.shape[0] / picture.size[0])
    return Picture(pixels, alpha, picture.icc, picture.exif, picture.format)


def to_file(picture: Picture, suffix: str, options: PictureOptions) -> bytes:
    """The bytes of the file.

    Raises:
        ImageError: the format cannot hold the picture.
    """
    return encode(picture, suffix, options.quality)


def note(picture: Picture) -> str:
    """What the result will lack, for the user; empty when nothing."""
    return "more than 8 bits a channel: the result has 8" if picture.deep else ""
