"""A picture as the rest of the program sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restore.imaging.metadata.resolution import Density

if TYPE_CHECKING:
    from restore.imaging.animation.frames import Animation
    from restore.imaging.png.color import PngColor
    from restore.imaging.png.text import Text

# The note on a file with more pictures.
FIRST_PAGE = "the file contains several pictures; only the first is used"
# uint8 or uint16.
Samples = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: RGB (H, W, 3), or (H, W, 1) if gray, upright; uint8, or uint16 if the file has 16 bits.
        alpha: (H, W) of the same type, not premultiplied, or None if the file has none.
        icc: the pixels' color profile, as in the file or made of what a PNG file declares; None means sRGB or unknown.
        exif: the EXIF block, from its byte order mark on, with the orientation reset and the thumbnail removed.
        format: Pillow's name for the file's format.
        xmp: the XMP packet, with the orientation reset.
        density: dots per inch along the width and the height, if the file declares it.
        iptc: the IPTC records (IIM).
        comment: of a JPEG file, in no particular encoding.
        png_color: what a PNG file declares about its colors in other chunks than a profile.
        png_text: texts of a PNG file, or GIF comments.
        turn: orientation, 1..8, by which the pixels were turned upright.
        gain_map: the second picture of an Ultra HDR photo, a JPEG file, upright; None if it has none that can be kept.
        animation: all frames, if they are wanted; ``pixels`` are the first, or what programs without animation show.
        notes: for the user, one sentence about each thing that was not read exactly as stored.
    """

    pixels: Samples
    alpha: Samples | None
    icc: bytes | None
    exif: bytes | None
    format: str
    xmp: bytes | None = None
    density: Density | None = None
    notes: tuple[str, ...] = ()
    iptc: bytes | None = None
    comment: bytes | None = None
    png_color: PngColor | None = None
    png_text: tuple[Text, ...] = ()
    turn: int = 1
    animation: Animation | None = None
    gain_map: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]


def to8(values: Samples) -> NDArray[np.uint8]:
    """Samples of 8 or 16 bits as 8 bits, rounded to nearest (``v * 255 / 65535``); 8 bits are returned unchanged."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    out = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), 256):  # in blocks: the sum needs 32 bits, and the picture may be large
        out[row : row + 256] = (values[row : row + 256].astype(np.uint32) + 128) // 257
    return out


def to16(values: Samples) -> NDArray[np.uint16]:
    """Samples of 8 or 16 bits as 16 bits (``v * 257``, so white stays white); 16 bits are returned unchanged."""
    return values.astype(np.uint16, copy=False) * (np.uint16(257) if values.dtype == np.uint8 else np.uint16(1))
