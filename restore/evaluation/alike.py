"""Two pictures that are to be compared: read, and refused if they differ in what the figures would hide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.imaging.color import as_rgb
from restore.imaging.decode import read_picture
from restore.imaging.picture import Samples, to8
from restore.metrics.metric import Pixels


@dataclass(frozen=True)
class Tolerance:
    """What may differ between a picture and its reference, because the user said so.

    Attributes:
        depth: 16 bits against 8: both are rounded to 8.
        channels: gray against RGB: gray becomes RGB.
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
    """A picture and its reference as 8 bits, of one shape.

    The reference may have up to ``scale - 1`` rows and columns more, at the bottom and the right: they were cropped
    to a multiple of the scale before the picture was made.

    Raises:
        DataError: they differ in size, depth or channels.
        ImageError: the file cannot be read.
    """
    pixels = read_reference(path)
    if pixels.dtype != reference.dtype and not may.depth:
        raise DataError(
            f"{path}: {_bits(pixels)} bits a channel, and its reference {reference_path} has {_bits(reference)}: save "
            "both with the same depth, or round both to 8 bits with --mixed-depth"
        )
    if pixels.shape[2] != reference.shape[2] and not may.channels:
        raise DataError(
            f"{path} is {_color(pixels)}, and its reference {reference_path} is {_color(reference)}: save both "
            "alike, or measure both as RGB with --mixed-channels"
        )
    height, width = pixels.shape[:2]
    over = [there - here for here, there in zip((height, width), reference.shape[:2], strict=True)]
    if not all(0 <= rest < scale for rest in over):
        raise DataError(
            f"{path}: {width} x {height} pixels, and its reference {reference_path} has {reference.shape[1]} x "
            f"{reference.shape[0]}: they must be of one size; nothing is resized to fit"
        )
    image, other = to8(pixels), to8(reference[:height, :width])
    if image.shape[2] != other.shape[2]:
        image, other = as_rgb(image), as_rgb(other)
    return image, other


def _bits(pixels: Samples) -> int:
    return 8 * pixels.dtype.itemsize


def _color(pixels: Samples) -> str:
    return "gray" if pixels.shape[2] == 1 else "RGB"
