"""TIFF features that Pillow lacks: 16 bits with color or alpha, and metadata directories in compressed files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.errors import ImageError
from restore.imaging import ifd
from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Samples

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES = 256, 257, 258, 259, 262, 273, 277
_ORIENTATION = 274
_ROWS_PER_STRIP, _STRIP_BYTES, PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT = 278, 279, 284, 317, 322, 323
_EXTRA, _FORMAT = 338, 339
XMP, ICC = 700, 34675
_DEFLATE, _HORIZONTAL = 8, 2
# zlib level: on photographs, 6 saves another six percent and takes four times as long.
_EFFORT = 4
SEPARATE_PLANES = "16-bit TIFF with separate planes is not supported: save it with interleaved samples"
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_PREMULTIPLIED, _ALPHA = 1, 2


def is_tiff(data: bytes) -> bool:
    """Whether a file begins like classic TIFF."""
    return data[:4] in (b"II*\0", b"MM\0*")


class Layout:
    """How the first picture of a TIFF file is stored.

    Attributes:
        height: in pixels.
        width: in pixels.
        samples: per pixel, including extra ones.
        extra: type of the first extra sample; None without extra samples.
        more: whether the file contains further pictures.
        turn: EXIF orientation, 1..8.
    """

    def __init__(self, data: ifd.Block) -> None:
        found, link = ifd.entries(data, ifd.first_directory(data))
        self.more = any(data[link : link + 4])
        self._entries = {entry.number: entry for entry in found}
        self._data = data
        self.height, self.width = self._number(_HEIGHT, 0), self._number(_WIDTH, 0)
        self.turn = self._number(_ORIENTATION, 1)
        self.samples = self._number(_SAMPLES, 1)
        self.photometric = self._number(_PHOTOMETRIC, _BLACK_IS_ZERO)
        self.extra = self._number(_EXTRA, 0) if _EXTRA in self._entries else None

    def _number(self, tag: int, default: int) -> int:
        entry = self._entries.get(tag)
        value = ifd.number_in(self._data, entry) if entry else None
        return default if value is None else value

    @property
    def deep(self) -> bool:
        """Whether it is gray or RGB, with or without alpha, with 16 unsigned bits per sample."""
        colors = 3 if self.photometric == _RGB else 1
        if self.samples not in (
            colors,
            colors + 1,
        ):  # untrusted, and the work below grows with it
            return False
        entry = self._entries.get(_BITS)
        bits = self._data[entry.start : entry.stop] if entry else b""
        all_16 = bits == struct.pack(ifd.byte_order(self._data) + "H", 16) * self.samples
        return all_16 and self._number(_FORMAT, 1) == 1 and self.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)

    @property
    def apart(self) -> bool:
        """Whether each channel is stored as a separate plane."""
        return self.samples > 1 and self._number(PLANAR, 1) == 2

    @property
    def predicted(self) -> bool:
        """Whether samples are stored as differences from the pixel on the left."""
        return self._number(_PREDICTOR, 1) == _HORIZONTAL

    @property
    def tile_width(self) -> int:
        """Tile width in pixels; the picture's width if it is stored in strips."""
        return self._number(_TILE_WIDTH, self.width)

    @property
    def tile_height(self) -> int:
        """Tile height in pixels; 1 if the picture is stored in strips."""
        return self._number(_TILE_HEIGHT, 1)


def read_deep(data: bytes, layout: Layout) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Read the first picture of a 16-bit TIFF file, as stored (not turned upright).

    Pillow supports 16 bits only for gray. But a picture with n samples per pixel has the same bytes as a gray picture
    n times as wide, so we present it to Pillow as that and leave decompression to libtiff.

    Args:
        data: bytes of the file.
        layout: of the file; ``deep`` must be true.

    Returns:
        uint16 (H, W, 1 or 3), and alpha as uint16 (H, W) or None.

    Raises:
        ImageError: the samples are stored in separate planes.
        OSError: the file is damaged.
    """
    if layout.apart:
        raise ImageError(SEPARATE_PLANES)
    with Image.open(io.BytesIO(_as_gray(data, layout)), formats=["TIFF"]) as image:
        image.load()
        wide = np.asarray(image).astype(np.uint16)
    values = wide.reshape(layout.height, layout.width, layout.samples)
    if layout.predicted:
        for left in range(0, layout.width, layout.tile_width):
            tile = values[:, left : left + layout.tile_width]
            np.cumsum(tile, axis=1, dtype=np.uint16, out=tile)
    if layout.photometric == _WHITE_IS_ZERO:
        values[..., 0] ^= 0xFFFF
    colors = 3 if layout.photometric == _RGB else 1
    if layout.samples == colors or layout.extra == 0:  # 0: the extra sample is explicitly not alpha
        return np.ascontiguousarray(values[..., :colors]), None
    pixels, alpha = np.ascontiguousarray(values[..., :colors]), np.ascontiguousarray(values[..., colors])
    return (_unmultiplied(pixels, alpha) if layout.extra == _PREMULTIPLIED else pixels), alpha


def _as_gray(data: bytes, layout: Layout) -> bytes:
    """The same file, declared as wider and gray; we undo the predictor ourselves."""
    order = ifd.byte_order(data)
    left_out = {_EXTRA, _FORMAT, ICC, XMP, ifd.EXIF_POINTER, ifd.GPS_POINTER, _ORIENTATION}
    tags = ifd.read_tags(data, ifd.first_directory(data), lambda tag: tag not in left_out)

    def number(tag: int, kind: int, value: int) -> ifd.Tag:
        return ifd.Tag(tag, kind, 1, struct.pack(order + ("H" if kind == ifd.SHORT else "I"), value))

    plain = {_SAMPLES: 1, _BITS: 16, _PHOTOMETRIC: _BLACK_IS_ZERO, _PREDICTOR: 1}
    changed = [number(tag, ifd.SHORT, value) for tag, value in plain.items()]
    changed.append(number(_WIDTH, ifd.LONG, layout.width * layout.samples))
    if any(t.number == _TILE_WIDTH for t in tags):
        changed.append(number(_TILE_WIDTH, ifd.LONG, layout.tile_width * layout.samples))
    tags = [t for t in tags if t.number not in {c.number for c in changed}] + changed
    at = len(data) + len(data) % 2
    return ifd.header(order, at) + data[8:].ljust(at - 8, b"\0") + ifd.write_tags(tags, order, at)


def _unmultiplied(pixels: NDArray[np.uint16], alpha: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Divide premultiplied colors by their alpha."""
    out = np.empty_like(pixels)
    for row in range(0, len(pixels), 256):
        a = alpha[row : row + 256, :, None].astype(np.uint64)
        color = pixels[row : row + 256].astype(np.uint64) * 65_535
        out[row : row + 256] = np.minimum((color + a // 2) // np.maximum(a, 1), 65_535)
    return out


def write_tiff(
    pixels: Samples,
    alpha: Samples | None,
    icc: bytes | None,
    xmp: bytes | None,
    tags: Sequence[ifd.Tag] = (),
    order: ifd.Order = "<",
) -> bytes:
    """Encode a TIFF file with deflate (lossless).

    Args:
        pixels: (H, W, 1) or (H, W, 3); uint8 or uint16.
        alpha: (H, W) of the same type, or None.
        icc: the color profile.
        xmp: the XMP packet.
        tags: descriptive tags, including the EXIF and GPS directories.
        order: byte order of the values in ``tags``, and so of the file: ``<`` or ``>``.

    Raises:
        ImageError: the file would exceed 4 GiB.
    """
    height, width = pixels.shape[:2]
    samples = pixels.shape[2] + (alpha is not None)
    rows = max(1, 2**20 // (width * samples * pixels.itemsize))
    strips = [_strip(pixels, alpha, row, row + rows, order) for row in range(0, height, rows)]
    places, place = [], 8
    for strip in strips:
        places.append(place)
        place += len(strip)
    at = place + place % 2
    if at > 2**32 - 2**20:
        raise ImageError(f"{width} x {height} pixels exceed the 4 GiB limit of TIFF files: choose --format png")

    def numbers(tag: int, kind: int, *values: int) -> ifd.Tag:
        code = {ifd.SHORT: "H", ifd.LONG: "I"}[kind]
        return ifd.Tag(tag, kind, len(values), struct.pack(f"{order}{len(values)}{code}", *values))

    stored = [
        numbers(_WIDTH, ifd.LONG, width),
        numbers(_HEIGHT, ifd.LONG, height),
        numbers(_BITS, ifd.SHORT, *[8 * pixels.itemsize] * samples),
        numbers(_COMPRESSION, ifd.SHORT, _DEFLATE),
        numbers(_PHOTOMETRIC, ifd.SHORT, _RGB if pixels.shape[2] == 3 else _BLACK_IS_ZERO),
        numbers(_STRIPS, ifd.LONG, *places),
        numbers(_SAMPLES, ifd.SHORT, samples),
        numbers(_ROWS_PER_STRIP, ifd.LONG, rows),
        numbers(_STRIP_BYTES, ifd.LONG, *map(len, strips)),
        numbers(PLANAR, ifd.SHORT, 1),
        numbers(_PREDICTOR, ifd.SHORT, _HORIZONTAL),
    ]
    if alpha is not None:
        stored.append(numbers(_EXTRA, ifd.SHORT, _ALPHA))
    if xmp:
        stored.append(ifd.Tag(XMP, ifd.BYTE, len(xmp), xmp))
    if icc:
        stored.append(ifd.Tag(ICC, ifd.UNDEFINED, len(icc), icc))
    directory = ifd.write_tags([*stored, *tags], order, at)
    return b"".join([ifd.header(order, at), *strips, b"\0" * (at - place), directory])


def _strip(pixels: Samples, alpha: Samples | None, first: int, last: int, order: ifd.Order) -> bytes:
    """Compress some rows as differences from the pixel on the left."""
    values: AnyArray = pixels[first:last]
    if alpha is not None:
        values = np.dstack([values, alpha[first:last]])
    differences = values.copy()
    differences[:, 1:] -= values[:, :-1]
    return zlib.compress(differences.astype(values.dtype.newbyteorder(order), copy=False).data, _EFFORT)
