"""Read pairs of pictures to compare, and reject differences that the scores would hide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.imaging.color.conversions import as_rgb
from restore.imaging.decode import read_picture
from restore.imaging.picture import Samples, to8
from restore.metrics.metric import Pixels


@dataclass(frozen=True)
class Tolerance:
    """Differences between a picture and its reference that the user allows.

    Attributes:
        depth: 16 bits and 8; both are rounded to 8.
        channels: gray and RGB; gray becomes RGB.
    """

    depth: bool = False
    channels: bool = False


def read_reference(path: Path) -> Samples:
    """The pixels of a file, uint8 or uint16 (H, W, 1 or 3).

    Raises:
        ImageError: it cannot be read.
    """
    return read_picture(path).pixels


def read_alike(
    path: Path, reference: Samples, reference_path: Path, scale: int, may: Tolerance
) -> tuple[Pixels, Pixels]:
    """Read a picture, and return it and its reference with 8 bits and one shape.

    The reference may have up to ``scale - 1`` more rows at the bottom and columns at the right, which were cropped to a
    multiple of the scale before the picture was made.

    Raises:
        DataError: they differ in size, depth or channels.
        ImageError: the file cannot be read.
    """
    pixels = read_reference(path)
    if pixels.dtype != reference.dtype and not may.depth:
        raise DataError(
            f"{path}: {_bits(pixels)} bits per channel, but its reference {reference_path} has {_bits(reference)}: "
            "save both with the same depth, or round both to 8 bits with --mixed-depth"
        )
    if pixels.shape[2] != reference.shape[2] and not may.channels:
        raise DataError(
            f"{path} is {_color(pixels)}, but its reference {reference_path} is {_color(reference)}: save both "
            "the same way, or measure both as RGB with --mixed-channels"
        )
    height, width = pixels.shape[:2]
    over = [there - here for here, there in zip((height, width), reference.shape[:2], strict=True)]
    if not all(0 <= rest < scale for rest in over):
        raise DataError(
            f"{path}: {width} x {height} pixels, but its reference {reference_path} has {reference.shape[1]} x "
            f"{reference.shape[0]}: they must have the same size; nothing is resized to fit"
        )
    image, other = to8(pixels), to8(reference[:height, :width])
    if image.shape[2] != other.shape[2]:
        image, other = as_rgb(image), as_rgb(other)
    return image, other


def _bits(pixels: Samples) -> int:
    return 8 * pixels.dtype.itemsize


def _color(pixels: Samples) -> str:
    return "gray" if pixels.shape[2] == 1 else "RGB"
