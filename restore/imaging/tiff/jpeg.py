"""JPEG strips and tiles of TIFF files (TIFF Technical Note 2) as JPEG files of their own."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from restore.errors import ImageError
from restore.imaging.arrays import AnyArray
from restore.imaging.damage import DamagedError

_SOI, _EOI, _SOS, _APP14 = 0xD8, 0xD9, 0xDA, 0xEE
# SOF markers; DHT, JPG and DAC are not.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_strip(data: bytes, tables: bytes, ycbcr: bool, size: tuple[int, int], least: int) -> AnyArray:
    """Decode a strip or tile.

    Args:
        data: the strip.
        tables: the file's JPEGTables, a JPEG stream without a picture; may be empty.
        ycbcr: whether three components are YCbCr; TIFF tags decide it, not the strip.
        size: height and width that the strip may have.
        least: rows that it must have.

    Returns:
        uint8 (rows, width, components), with YCbCr converted to RGB.

    Raises:
        DamagedError: it is no JPEG stream of that size.
        ImageError: it has more than 8 bits, or two components.
    """
    header, scan = _until_scan(data)
    shared, _ = _until_scan(tables)
    frame = next((content for marker, content in header if marker in _FRAMES), b"")
    if len(frame) < 6:
        raise DamagedError("has no JPEG header")
    bits, height, width, components = struct.unpack_from(">BHHB", frame)
    if bits != 8:
        raise ImageError(f"JPEG compression of {bits} bits inside TIFF is not supported: save the file with LZW")
    if width != size[1] or not least <= height <= size[0]:
        raise DamagedError(f"contains a JPEG of {width} x {height} pixels instead of {size[1]} x {size[0]}")
    adobe = [(_APP14, b"Adobe\0\x64\0\0\0\0" + bytes([ycbcr]))] if components == 3 else []
    kept = [segment for segment in [*shared, *header] if segment[0] != _APP14]
    parts = [struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in [*adobe, *kept]]
    return _decoded(b"".join([b"\xff\xd8", *parts, scan]), components)


def _decoded(file: bytes, components: int) -> AnyArray:
    if components == 4:
        with Image.open(io.BytesIO(file), formats=["JPEG"]) as image:
            image.load()
            return 255 - np.asarray(image)  # Pillow takes every CMYK JPEG for an inverted one
    if components not in (1, 3):
        raise ImageError(f"JPEG compression of {components} channels inside TIFF is not supported: save it with LZW")
    import cv2

    mode = cv2.IMREAD_GRAYSCALE if components == 1 else cv2.IMREAD_COLOR_RGB
    pixels = cv2.imdecode(np.frombuffer(file, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise DamagedError("cannot be decoded")
    decoded: AnyArray = pixels if pixels.ndim == 3 else pixels[..., None]
    return decoded


def _until_scan(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The marker segments before the first scan, and the rest from its marker on."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        if marker == 0xFF:
            at += 1
            continue
        if marker == _SOS:
            return found, data[at:]
        if marker == _EOI or length < 2:
            break
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found, b""
