"""Samples of a TIFF page as an array: strips, tiles and planes put together, bits unpacked, predictors undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from restore.errors import ImageError
from restore.imaging.arrays import AnyArray
from restore.imaging.damage import DamagedError
from restore.imaging.metadata import ifd
from restore.imaging.tiff import compression as tiff_compression
from restore.imaging.tiff import pages as tiff_pages
from restore.imaging.tiff.compression import Segment
from restore.imaging.tiff.pages import Page

# Rows unpacked at a time: a bit takes a byte while its sample is put together.
_BLOCK = 2**24


def read(data: bytes, page: Page, channels: Sequence[int]) -> AnyArray:
    """The samples of a page, as stored.

    Args:
        data: bytes of the file.
        page: one of its pages, with a compression in ``tiff_compression.READ``.
        channels: indices of the wanted channels, ascending.

    Returns:
        (H, W, len(channels)): unsigned integers of the least of 8, 16, 32 or 64 bits that hold a sample, signed
        integers, or floating point.

    Raises:
        DamagedError: a part of the picture is missing or damaged.
        ImageError: the samples are of a kind that is not supported.
    """
    kind = _kind(page)
    per = 1 if page.apart else page.samples
    depths = (8, 16) if page.compression in tiff_compression.JPEG_2000 else (8,)
    if page.compression in tiff_compression.AS_PICTURES and (kind.kind != "u" or page.bits[0] not in depths):
        name = tiff_compression.NAMES[page.compression]
        raise ImageError(
            f"{name} compression of {page.bits[0]}-bit samples in TIFF is not supported: save the file with LZW"
        )
    out = np.empty((page.height, page.width, len(channels)), kind.newbyteorder("="))
    across = -(-page.width // page.segment_width)
    down = -(-page.height // page.segment_height)
    segments = _segments(data, page, (page.samples if page.apart else 1) * across * down)
    for target, source in [(slice(n, n + 1), c) for n, c in enumerate(channels)] if page.apart else [(slice(None), 0)]:
        parts = segments[source * across * down : (source + 1) * across * down]
        for index, values in enumerate(_decoded(page, parts, per, kind)):
            y, x = index // across * page.segment_height, index % across * page.segment_width
            rows, columns = min(page.segment_height, page.height - y), min(page.segment_width, page.width - x)
            if values.shape[2] != per:
                raise DamagedError(f"{parts[index].name} has {values.shape[2]} channels instead of {per}")
            found = values[:rows, :columns]
            kept = found if page.apart or len(channels) == per else found[..., list(channels)]
            out[y : y + rows, x : x + columns, target] = kept
    return out


def _kind(page: Page) -> np.dtype[np.generic]:
    """The type of the samples in an array, in the file's byte order."""
    bits, formats = set(page.bits), set(page.first_numbers(tiff_pages.FORMAT, 64) or (tiff_pages.UNSIGNED_FORMAT,))
    if len(bits) > 1 or len(page.bits) not in (1, page.samples):
        depths = ", ".join(map(str, page.bits[:4])) + ", ..." * (len(page.bits) > 4)
        raise ImageError(f"samples of {depths} bits are not supported: save the file with 8 or 16 bits per channel")
    (depth,) = bits
    stored = next(iter(formats)) if len(formats) == 1 else 0
    if stored == 4:  # undefined
        stored = tiff_pages.UNSIGNED_FORMAT
    codes = {tiff_pages.UNSIGNED_FORMAT: "u", tiff_pages.SIGNED_FORMAT: "i", tiff_pages.FLOAT_FORMAT: "f"}
    code = codes.get(stored)
    wide = next((size for size in (8, 16, 32, 64) if size >= depth >= 1), 0)
    whole = depth == wide and (code != "f" or depth >= 16)
    if code is None or not wide or (not whole and (code != "u" or depth > 32)):
        what = {None: "complex", "f": "floating-point", "i": "signed", "u": "integer"}[code]
        raise ImageError(
            f"{what} samples of {depth} bits are not supported: save the file with 8 or 16 bits per channel"
        )
    return np.dtype(f"{ifd.byte_order(page.data)}{code}{wide // 8}")


def _segments(data: bytes, page: Page, count: int) -> list[Segment]:
    """The strips or tiles, compressed.

    Raises:
        DamagedError: one is missing or not within the file.
    """
    what = "tile" if page.tiled else "strip"
    tags = (tiff_pages.TILES, tiff_pages.TILE_BYTES) if page.tiled else (tiff_pages.STRIPS, tiff_pages.STRIP_BYTES)
    starts, lengths = page.numbers(tags[0]), page.numbers(tags[1])
    if page.tiled and not len(starts):  # some writers
        starts, lengths = page.numbers(tiff_pages.STRIPS), page.numbers(tiff_pages.STRIP_BYTES)
    if not lengths.any() and len(starts) >= count and (page.compression == tiff_compression.PLAIN or count == 1):
        lengths = _up_to_the_next(starts[:count], len(data))
    if len(starts) < count or len(lengths) < count:
        raise DamagedError(f"{count - min(len(starts), len(lengths))} of {count} {what}s are missing")
    swapped = page.number(tiff_pages.FILL_ORDER, 1) == 2 and page.compression not in tiff_compression.AS_PICTURES
    down = -(-page.height // page.segment_height)
    found = []
    for index, (start, length) in enumerate(zip(starts[:count].tolist(), lengths[:count].tolist(), strict=True)):
        name = f"{what} {index + 1} of {count}"
        if not start or not length:
            raise DamagedError(f"{name} is missing")
        if start + length > len(data):
            raise DamagedError(f"the file ends before {name} does")
        content = data[start : start + length]
        top = index % down * page.segment_height
        rows = page.segment_height if page.tiled else min(page.segment_height, page.height - top)
        swap = tiff_compression.reversed_bits(content) if swapped else content
        found.append(Segment(swap, name, rows, page.segment_height))
    return found


def _up_to_the_next(starts: NDArray[np.uint64], end: int) -> NDArray[np.uint64]:
    """Lengths of segments whose writer forgot them: each goes up to the next one or the end of the file."""
    ends = np.append(np.unique(starts), np.uint64(end))
    following = ends[np.searchsorted(ends, starts, side="right").clip(max=len(ends) - 1)]
    return np.where(following > starts, following - starts, np.uint64(0))


def _decoded(page: Page, segments: Sequence[Segment], per: int, kind: np.dtype[np.generic]) -> Iterator[AnyArray]:
    """Each segment as (rows, width, samples)."""
    if page.compression in tiff_compression.AS_PICTURES:
        yield from (tiff_compression.picture_in(page, segment, page.bits[0]) for segment in segments)
        return
    if page.photometric == tiff_pages.YCBCR and not page.apart and page.subsampling != (1, 1):
        yield from _subsampled(page, segments)
        return
    width = page.segment_width
    bits = width * per * page.bits[0]
    row_bytes = -(-bits // 8)
    predictor = page.number(tiff_pages.PREDICTOR, 1)
    for raw in tiff_compression.raw_rows(page, segments, row_bytes, bits):
        rows = np.frombuffer(raw, np.uint8).reshape(-1, row_bytes)
        if predictor == tiff_pages.FLOATING and kind.kind == "f":
            values = _float_differences(rows, per, kind)
        elif page.bits[0] == 8 * kind.itemsize:
            values = rows.view(kind)
        else:
            values = _unpacked(rows, width * per, page.bits[0], kind)
        values = values.reshape(len(rows), width, per)
        if predictor == tiff_pages.HORIZONTAL:
            words = (
                kind if kind.kind in "ui" else np.dtype(f"{kind.byteorder}u{kind.itemsize}")
            )  # of floats, their bits
            native = values.view(words).astype(words.newbyteorder("="))
            values = np.cumsum(native, axis=1, dtype=native.dtype, out=native).view(kind.newbyteorder("="))
        yield values


def _subsampled(page: Page, segments: Sequence[Segment]) -> Iterator[AnyArray]:
    """YCbCr with fewer colors than brightnesses (TIFF 6.0, section 21): blocks of Y, each with one Cb and one Cr."""
    wide, high = page.subsampling
    if page.samples != 3 or page.bits[0] != 8 or not {wide, high} <= {1, 2, 4}:
        raise ImageError("this kind of YCbCr is not supported: save the file as RGB")
    across, luma = -(-page.segment_width // wide), wide * high
    blocks = [replace(s, rows=-(-s.rows // high), full_rows=-(-s.full_rows // high)) for s in segments]
    row_bytes = across * (luma + 2)
    for raw in tiff_compression.raw_rows(page, blocks, row_bytes, 8 * row_bytes):
        each = np.frombuffer(raw, np.uint8).reshape(-1, across, luma + 2)
        y = each[..., :luma].reshape(-1, across, high, wide).swapaxes(1, 2).reshape(-1, across * wide)
        colors = each[..., luma:].repeat(high, axis=0).repeat(wide, axis=1)
        yield np.dstack([y, colors])[:, : page.segment_width]


def _unpacked(rows: NDArray[np.uint8], count: int, bits: int, kind: np.dtype[np.generic]) -> AnyArray:
    """Samples that do not fill bytes, most significant bit first; each row begins at a byte."""
    out = np.empty((len(rows), count), kind.newbyteorder("="))
    step = max(1, _BLOCK // max(8 * rows.shape[1], 1))
    for top in range(0, len(rows), step):
        each = np.unpackbits(rows[top : top + step], axis=1)[:, : count * bits].reshape(-1, count, bits)
        block = out[top : top + step]
        block[...] = each[..., 0]
        for bit in range(1, bits):
            block <<= 1
            block |= each[..., bit]
    return out


def _float_differences(rows: NDArray[np.uint8], per: int, kind: np.dtype[np.generic]) -> AnyArray:
    """Undo the floating-point predictor (Adobe Photoshop TIFF Technical Note 3).

    Each row holds the first bytes of all its samples, then the second ones and so on, as differences.
    """
    sums = np.cumsum(rows.reshape(len(rows), -1, per), axis=1, dtype=np.uint8).reshape(len(rows), kind.itemsize, -1)
    big = np.ascontiguousarray(sums.transpose(0, 2, 1))
    return big.view(kind.newbyteorder(">"))[..., 0]
