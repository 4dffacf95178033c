"""JPEG XL (ISO/IEC 18181) through the optional plugin, which decodes as soon as a file is opened.

So the size is read here first, and what the plugin does not report.
"""

from __future__ import annotations

import functools
import importlib
import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from restore.errors import ImageError
from restore.imaging.boxes import Data, boxes
from restore.imaging.formats import check_package
from restore.imaging.metadata.file_metadata import Extra
from restore.imaging.metadata.xmp_update import GAIN_MAP
from restore.imaging.picture import Picture

# The plugin decodes every frame into the same memory.
LAST_FRAME = "the file contains several pictures; only the last is used"
_CODESTREAM, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
# Width by height, by number: as stored in the header.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_HEADER = 64  # bytes are enough for all that is read of it
_EFFORT = 4  # twice as fast as the plugin's default, and files a few percent larger


class Header(NamedTuple):
    """Height and width of the upright picture, bits per channel, and whether more frames follow the first."""

    height: int
    width: int
    bits: int
    animated: bool


class _Bits:
    """Numbers of some bits, the lowest first (clause B.2)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        if count > self._left:
            raise ImageError("damaged picture: its header is incomplete")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value

    def choice(self, *kinds: tuple[int, int]) -> int:
        """One of four kinds of numbers, each an offset and a number of bits."""
        offset, count = kinds[self.read(2)]
        return offset + self.read(count)


def is_jxl(beginning: bytes) -> bool:
    """Whether a file with this beginning is JPEG XL."""
    return beginning.startswith((_CODESTREAM, _CONTAINER))


def register() -> None:
    """Let Pillow read and write the format.

    Raises:
        ImageError: the plugin is not installed.
    """
    check_package(".jxl")
    _register()


@functools.cache
def _register() -> None:
    importlib.import_module("pillow_jxl")


def read_header(data: Data) -> Header:
    """Read the header of a file (clause D.2, D.3).

    Raises:
        ImageError: it is incomplete.
    """
    bits = _Bits(_codestream(data)[2:])
    height, width = _size(bits)
    turn, depth, animated = 1, 8, False
    if not bits.read(1):  # unless everything is as usual
        if bits.read(1):
            turn = 1 + bits.read(3)
            if bits.read(1):
                _size(bits)
            if bits.read(1):
                _skip_preview_size(bits)
            animated = bool(bits.read(1))
            if animated:
                bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
                bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
                bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
                bits.read(1)
        is_float = bits.read(1)
        depth = bits.choice(*(((32, 0), (16, 0), (24, 0), (1, 6)) if is_float else ((8, 0), (10, 0), (12, 0), (1, 6))))
    if turn >= 5:
        height, width = width, height
    return Header(height, width, depth, animated)


def read_extra(data: bytes) -> Extra:
    """The XMP packet, and notes on what cannot be read."""
    info: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    for box in boxes(data) if data.startswith(_CONTAINER) else ():
        if box.kind == b"xml ":
            info.setdefault("xmp", data[box.start : box.stop])
        elif box.kind == b"brob" and data[box.start : box.start + 4] in (b"xml ", b"Exif"):
            notes = ("compressed metadata dropped",)
        elif box.kind == b"jhgm":
            notes = (*notes, GAIN_MAP)
    return Extra(info, notes=notes)


def write(picture: Picture, quality: int) -> bytes:
    """Encode an 8-bit picture in sRGB, losslessly at quality 100.

    Raises:
        ImageError: the plugin is not installed.
    """
    register()
    pixels = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    settings = {"lossless": True} if quality == 100 else {"quality": quality}
    image.save(file, "JXL", effort=_EFFORT, exif=picture.exif or b"", xmp=picture.xmp, **settings)
    return file.getvalue()


def _codestream(data: Data) -> bytes:
    if data[:2] == _CODESTREAM:
        return bytes(data[:_HEADER])
    joined = b""
    for box in boxes(data):
        if box.kind == b"jxlc":
            return bytes(data[box.start : min(box.stop, box.start + _HEADER)])
        if box.kind == b"jxlp":  # a part, after its number
            joined += data[box.start + 4 : min(box.stop, box.start + 4 + _HEADER)]
        if len(joined) >= _HEADER:
            break
    return joined


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.read(1)

    def side() -> int:
        return 8 * (1 + bits.read(5)) if small else bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = _RATIOS.get(bits.read(3))
    return height, side() if ratio is None else height * ratio[0] // ratio[1]


def _skip_preview_size(bits: _Bits) -> None:
    kinds = ((16, 0), (32, 0), (1, 5), (33, 9)) if bits.read(1) else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choice(*kinds)
    if not bits.read(3):
        bits.choice(*kinds)
