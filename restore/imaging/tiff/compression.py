"""Decompress strips and tiles of TIFF files as strictly as their checksums and lengths allow.

What Python decompresses as fast as libtiff is decompressed here, because libtiff stops as soon as a strip is full and
so overlooks wrong checksums. libtiff, through Pillow, decompresses the rest.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from restore.errors import ImageError
from restore.imaging.arrays import AnyArray
from restore.imaging.damage import DamagedError
from restore.imaging.metadata import ifd
from restore.imaging.tiff import fax, lzw
from restore.imaging.tiff import jpeg as tiff_jpeg
from restore.imaging.tiff import pages as tiff_pages

PLAIN, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 5, 7, 8, 32773, 32946
FAX = frozenset({fax.RLE, fax.T4, fax.T6, fax.RLE_WORDS})
LZMA, ZSTD, WEBP, JPEG_2000 = 34925, 50000, 50001, frozenset({34712, 33003, 33004, 33005})
_APERIO_YCBCR = 33003
_PILLOWS_NAMES = {WEBP: "WEBP", **dict.fromkeys(JPEG_2000, "JPEG2000")}
# Compressions that store pictures, not bytes.
AS_PICTURES = frozenset({JPEG, WEBP, *JPEG_2000})
READ = frozenset({PLAIN, LZW, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD, *FAX, *AS_PICTURES})
# Left to Pillow and libtiff.
RARE = frozenset({6, 32809})
NAMES = {
    6: "old-style JPEG",
    JPEG: "JPEG",
    22610: "JPEG XR",
    32766: "NeXT",
    32809: "ThunderScan",
    32908: "PixarFilm",
    32909: "PixarLog",
    **dict.fromkeys(JPEG_2000, "JPEG 2000"),
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34887: "LERC",
    34892: "lossy DNG",
    34933: "PNG",
    34934: "JPEG XR",
    WEBP: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_REVERSED_BITS = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


@dataclass(frozen=True)
class Segment:
    """A strip or a tile, compressed.

    Attributes:
        data: its bytes.
        name: for messages.
        rows: that the picture needs.
        full_rows: that it may contain.
    """

    data: bytes
    name: str
    rows: int
    full_rows: int


def reversed_bits(data: bytes) -> bytes:
    """The bytes with their bits in reverse order (FillOrder 2)."""
    return data.translate(_REVERSED_BITS)


def raw_rows(
    page: tiff_pages.Page, segments: Sequence[Segment], row_bytes: int, bits: int
) -> Iterator[bytes | memoryview]:
    """The decompressed bytes of segments that are stored as bytes, each of ``rows * row_bytes``.

    Args:
        page: that the segments belong to.
        segments: of one plane, in order.
        row_bytes: length of each row.
        bits: per row, for fax compression.

    Raises:
        DamagedError: a segment is too short, too long, or cannot be decompressed.
    """
    kind = page.compression
    if kind in (LZW, ZSTD):
        yield from _by_libtiff(page, segments, row_bytes)
        return
    if kind in FAX:
        yield from _by_fax(page, segments, bits)
        return
    codecs: dict[int, Callable[[bytes, int, int], bytes | memoryview]] = {
        PLAIN: _plain,
        DEFLATE: _inflated,
        OLD_DEFLATE: _inflated,
        PACKBITS: _unpacked,
        LZMA: _unlzma,
    }
    for segment in segments:
        size = segment.rows * row_bytes
        try:
            raw = codecs[kind](segment.data, segment.full_rows * row_bytes, row_bytes)
        except DamagedError as error:
            raise DamagedError(f"{segment.name} {error}") from error
        if len(raw) < size:
            raise DamagedError(f"{segment.name} ends after {len(raw) // max(row_bytes, 1)} of {segment.rows} rows")
        # Some writers fill the last strip up.
        if len(raw) > size and len(raw) != segment.full_rows * row_bytes and kind != PLAIN:
            raise DamagedError(f"{segment.name} contains more than its {segment.rows} rows")
        yield memoryview(raw)[:size]


def _plain(data: bytes, most: int, row_bytes: int) -> memoryview:
    whole = len(data) // max(row_bytes, 1) * row_bytes  # padding after the rows is common
    return memoryview(data)[: min(most, whole)]


def _inflated(data: bytes, most: int, _: int) -> bytes:
    """The contents of a zlib stream, at most one byte more than ``most``; the checksum is compared."""
    stream = zlib.decompressobj()
    try:
        out = stream.decompress(data, most + 1)
        if not stream.eof and len(out) <= most:
            out += stream.decompress(stream.unconsumed_tail, most + 1 - len(out))
    except zlib.error as error:
        what = "has a wrong checksum" if "incorrect data check" in str(error) else "cannot be decompressed"
        raise DamagedError(what) from error
    if not stream.eof and len(out) <= most:
        raise DamagedError("breaks off")
    return out


def _unlzma(data: bytes, most: int, _: int) -> bytes:
    try:
        import lzma
    except ImportError as error:
        raise ImageError("LZMA compression needs a Python that was built with it: save the file with LZW") from error
    stream = lzma.LZMADecompressor(memlimit=2**28)
    try:
        out = stream.decompress(data, most + 1)
    except lzma.LZMAError as error:
        raise DamagedError("cannot be decompressed") from error
    if not stream.eof and len(out) <= most:
        raise DamagedError("breaks off")
    return out


def _unpacked(data: bytes, most: int, row_bytes: int) -> bytes:
    """PackBits (TIFF 6.0, section 9), at most some bytes more than ``most``.

    Runs should not cross rows, but in files of some old programs they always do. Where only a few cross, the data are
    damaged.
    """
    out = bytearray()
    at, end, crossing = 0, len(data), 0
    while at < end and len(out) < most:
        head = data[at]
        before = len(out)
        if head < 128:
            out += data[at + 1 : at + 2 + head]
            at += 2 + head
            if at > end:
                raise DamagedError("breaks off")
        elif head > 128:
            if at + 1 >= end:
                raise DamagedError("breaks off")
            out += data[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
        crossing += before % row_bytes + len(out) - before > row_bytes
    if 0 < crossing < len(out) // row_bytes // 4:
        raise DamagedError("has runs of wrong length")
    if any(byte != 128 for byte in data[at : at + 64]) and end - at > 1:
        raise DamagedError("contains more than its rows")
    return bytes(out)


def _by_fax(page: tiff_pages.Page, segments: Sequence[Segment], bits: int) -> Iterator[bytes]:
    options = page.number(tiff_pages.T4_OPTIONS, 0)
    for segment in segments:
        try:
            last = segment.rows < segment.full_rows
            rows = fax.unpacked(segment.data, bits, segment.rows, page.compression, options, last)
        except DamagedError as error:
            raise DamagedError(f"{segment.name} {error}") from error
        yield np.packbits(rows, axis=1).tobytes()


def _by_libtiff(page: tiff_pages.Page, segments: Sequence[Segment], row_bytes: int) -> Iterator[bytes | memoryview]:
    """Present the segments to Pillow as the strips of a gray picture with one byte per pixel."""
    for segment in segments if page.compression == LZW else ():
        try:
            lzw.check(segment.data, segment.rows * row_bytes, segment.full_rows * row_bytes)
        except DamagedError as error:
            raise DamagedError(f"{segment.name} {error}") from error
    try:
        with Image.open(io.BytesIO(_gray_file(page.compression, segments, row_bytes)), formats=["TIFF"]) as image:
            image.load()
            values = np.asarray(image)
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise DamagedError("its compressed data are wrong") from error
    top = 0
    for segment in segments:
        yield np.ascontiguousarray(values[top : top + segment.rows]).data.cast("B")
        top += segment.rows


def _gray_file(compression: int, segments: Sequence[Segment], width: int) -> bytes:
    def numbers(tag: int, kind: int, *values: int) -> ifd.Tag:
        code = "H" if kind == ifd.SHORT else "I"
        return ifd.Tag(tag, kind, len(values), struct.pack(f"<{len(values)}{code}", *values))

    places, place = [], 8
    for segment in segments:
        places.append(place)
        place += len(segment.data)
    at = place + place % 2
    tags = [
        numbers(tiff_pages.WIDTH, ifd.LONG, width),
        numbers(tiff_pages.HEIGHT, ifd.LONG, sum(segment.rows for segment in segments)),
        numbers(tiff_pages.BITS, ifd.SHORT, 8),
        numbers(tiff_pages.COMPRESSION, ifd.SHORT, compression),
        numbers(tiff_pages.PHOTOMETRIC, ifd.SHORT, tiff_pages.BLACK_IS_ZERO),
        numbers(tiff_pages.STRIPS, ifd.LONG, *places),
        numbers(tiff_pages.SAMPLES, ifd.SHORT, 1),
        numbers(tiff_pages.ROWS_PER_STRIP, ifd.LONG, segments[0].rows),
        numbers(tiff_pages.STRIP_BYTES, ifd.LONG, *(len(segment.data) for segment in segments)),
    ]
    directory = ifd.write_tags(tags, "<", at)
    return b"".join([ifd.header("<", at), *(s.data for s in segments), b"\0" * (at - place), directory])


def picture_in(page: tiff_pages.Page, segment: Segment, bits: int) -> AnyArray:
    """Decode a segment that is a JPEG, WebP or JPEG 2000 picture of its own.

    Args:
        page: that the segment belongs to.
        segment: the segment.
        bits: per sample.

    Returns:
        (rows or more, width, samples); uint8 or uint16. YCbCr is converted to RGB.

    Raises:
        DamagedError: it cannot be decoded.
        ImageError: it has a kind of samples that is not supported.
    """
    size = segment.full_rows, page.segment_width
    try:
        if page.compression == JPEG:
            ycbcr = page.photometric == tiff_pages.YCBCR and not page.apart
            return tiff_jpeg.read_strip(segment.data, page.content(tiff_pages.JPEG_TABLES), ycbcr, size, segment.rows)
        with Image.open(io.BytesIO(segment.data), formats=[_PILLOWS_NAMES[page.compression]]) as image:
            if image.width != size[1] or not segment.rows <= image.height <= size[0]:
                raise DamagedError("does not have the size of its part of the picture")
            if bits > 8:
                return _deep_jpeg_2000(segment.data, (image.height, image.width))
            image.load()
            if page.compression == WEBP:
                values = np.asarray(image.convert("RGBA" if page.samples == 4 else "RGB"))
            else:
                values = np.asarray(_from_ycbcr(image) if page.compression == _APERIO_YCBCR else image)
    except (OSError, ValueError, SyntaxError, RuntimeError, struct.error) as error:
        raise DamagedError(f"{segment.name} cannot be decoded") from error
    except DamagedError as error:
        raise DamagedError(f"{segment.name} {error}") from error
    return values if values.ndim == 3 else values[..., None]


def _from_ycbcr(image: Image.Image) -> Image.Image:
    return Image.frombytes("YCbCr", image.size, image.tobytes()).convert("RGB")


def _deep_jpeg_2000(data: bytes, size: tuple[int, int]) -> AnyArray:
    """Pillow would give 8 bits."""
    import cv2

    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != size:
        raise DamagedError("cannot be decoded")
    order = [2, 1, 0, *range(3, values.shape[2])] if values.ndim == 3 else None
    decoded: AnyArray = values[..., order]  # without an order, this adds the axis
    return decoded
