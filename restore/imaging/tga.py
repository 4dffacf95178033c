"""TGA files (Truevision TGA file format specification, version 2.0).

Unlike Pillow, this reads runs that go on into the next row, 15 bits, and alpha as the file describes it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from restore.errors import ImageError
from restore.imaging import bit_fields
from restore.imaging.arrays import AnyArray
from restore.imaging.picture import Picture, Samples
from restore.imaging.refusals import CURE
from restore.imaging.unmultiply import unmultiplied

_MAPPED, _COLORS, _GRAY, _RUNS = 1, 2, 3, 8
_DEPTHS = {_MAPPED: (8, 15, 16), _COLORS: (15, 16, 24, 32), _GRAY: (8, 16)}
_ENTRIES = frozenset({15, 16, 24, 32})
_RIGHT_TO_LEFT, _TOP_DOWN, _ALPHA_BITS, _INTERLEAVED = 0x10, 0x20, 0x0F, 0xC0
_FOOTER = b"TRUEVISION-XFILE.\0"
# Of the extension area: its least size, and where it says what alpha is.
_EXTENSION, _ALPHA_KIND = 495, 494
_USEFUL, _PREMULTIPLIED = 3, 4
_FIFTEEN = (0x7C00, 0x3E0, 0x1F)
_SURPLUS = "damaged: its last run is longer than the picture, parts of which may be wrong"
_ENDS = f"damaged picture: the file ends before the picture does: {CURE}"


class _Header(NamedTuple):
    """The header, with the fields of the color map and the image."""

    id_length: int
    has_map: int
    kind: int
    map_first: int
    map_length: int
    map_depth: int
    left: int
    bottom: int
    width: int
    height: int
    depth: int
    flags: int


def _header(beginning: bytes) -> _Header | None:
    """The header, if it is one: files of this format do not begin with a signature."""
    if len(beginning) < 18:
        return None
    header = _Header(*struct.unpack_from("<BBBHHBHHHHBB", beginning))
    base = header.kind & ~_RUNS
    sound = (
        header.has_map in (0, 1)
        and header.depth in _DEPTHS.get(base, ())
        and header.width
        and header.height
        and (header.flags & _ALPHA_BITS) <= 8
        and (not header.has_map or header.map_depth in _ENTRIES)
        and (base != _MAPPED or (header.has_map and header.map_length))
    )
    return header if sound else None


def size(beginning: bytes) -> tuple[int, int] | None:
    """Height and width, from the first 18 bytes of a file; None if it is not TGA."""
    header = _header(beginning)
    return (header.height, header.width) if header else None


def read(data: bytes, refuse_large: Callable[[int, int], None]) -> Picture | None:
    """Read a file; None if it is not TGA.

    Args:
        data: bytes of the file.
        refuse_large: raises ImageError, given a width and a height that are too large.

    Raises:
        ImageError: it is damaged, too large, or interleaved.
    """
    header = _header(data)
    if header is None:
        return None
    refuse_large(header.width, header.height)
    if header.flags & _INTERLEAVED:
        raise ImageError("interleaved TGA is not supported: open it in an image editor and save it again")
    step = -(-header.depth // 8)
    start = 18 + header.id_length + header.has_map * header.map_length * -(-header.map_depth // 8)
    count = header.width * header.height
    if header.kind & _RUNS:
        raw: bytes | bytearray | memoryview = _unpacked(data, start, count, step)
        surplus = len(raw) > count * step
        raw = memoryview(raw)[: count * step]
    else:
        surplus = False
        raw = memoryview(data)[start : start + count * step]
    if len(raw) < count * step:
        raise ImageError(_ENDS)
    stored = np.frombuffer(raw, np.uint8).reshape(header.height, header.width, step)
    rows = 1 if header.flags & _TOP_DOWN else -1
    columns = -1 if header.flags & _RIGHT_TO_LEFT else 1
    stored = stored[::rows, ::columns]
    depth = header.depth
    if header.kind & ~_RUNS == _MAPPED:
        stored, depth = _mapped(data, header, stored), header.map_depth
    pixels, alpha = _split(stored, depth, header.kind & ~_RUNS == _GRAY)
    alpha, notes, premultiplied = _useful(data, header, depth, alpha)
    notes += [_SURPLUS] * surplus
    if alpha is not None and premultiplied:
        pixels = unmultiplied(pixels, alpha)
    return Picture(np.ascontiguousarray(pixels), alpha, None, None, "TGA", None, None, tuple(notes))


def _unpacked(data: bytes, at: int, count: int, step: int) -> bytearray:
    """Undo run-length encoding. Runs may go on into the next row, as the first version of the format allows.

    The last may be longer than it should: then the result is too.
    """
    out, most = bytearray(), count * step
    while len(out) < most:
        if at >= len(data):
            raise ImageError(_ENDS)
        length = (data[at] & 127) + 1
        if data[at] & 128:
            out += data[at + 1 : at + 1 + step] * length
            at += 1 + step
        else:
            out += data[at + 1 : at + 1 + step * length]
            at += 1 + step * length
    if at > len(data):
        raise ImageError(_ENDS)
    return out


def _mapped(data: bytes, header: _Header, stored: AnyArray) -> AnyArray:
    """The color map's entries at the stored indices, (H, W, bytes)."""
    step = -(-header.map_depth // 8)
    start = 18 + header.id_length
    raw = data[start : start + header.map_length * step]
    if len(raw) < header.map_length * step:
        raise ImageError(_ENDS)
    indices = stored[..., 0] if stored.shape[2] == 1 else _words(stored)
    indices = indices.astype(np.int32) - header.map_first
    if indices.min() < 0 or indices.max() >= header.map_length:
        raise ImageError(f"damaged picture: colors that its color map lacks: {CURE}")
    return np.frombuffer(raw, np.uint8).reshape(-1, step)[indices]


def _words(stored: AnyArray) -> AnyArray:
    """Two bytes each as one number."""
    return np.ascontiguousarray(stored).view("<u2")[..., 0]


def _split(stored: AnyArray, depth: int, gray: bool) -> tuple[Samples, Samples | None]:
    """Colors (H, W, 1 or 3), and whatever is in the place of alpha."""
    if gray:
        return stored[..., :1], stored[..., 1] if depth == 16 else None
    if depth <= 16:
        words = _words(stored)
        colors = np.dstack(bit_fields.channels(words, _FIFTEEN))
        return colors, bit_fields.channels(words, [0x8000])[0] if depth == 16 else None
    return stored[..., 2::-1], np.ascontiguousarray(stored[..., 3]) if depth == 32 else None


def _useful(data: bytes, header: _Header, depth: int, alpha: Samples | None) -> tuple[Samples | None, list[str], bool]:
    """Alpha if the file means it, notes, and whether colors are premultiplied.

    The extension area decides. Without it, the header's number of alpha bits does, but many programs write 0 there and
    alpha into 32-bit pixels.
    """
    if alpha is None:
        return None, [], False
    extension = struct.unpack_from("<I", data, len(data) - 26)[0] if data.endswith(_FOOTER) and len(data) > 44 else 0
    if 18 <= extension <= len(data) - _EXTENSION and struct.unpack_from("<H", data, extension)[0] >= _EXTENSION:
        kind = data[extension + _ALPHA_KIND]
        useful = kind in (_USEFUL, _PREMULTIPLIED)
        return (alpha if useful else None), [], kind == _PREMULTIPLIED
    if not header.flags & _ALPHA_BITS and depth == 16:
        return None, [], False
    kept, notes = bit_fields.without_empty(alpha)
    return (None if kept is None else np.ascontiguousarray(kept)), notes if header.flags & _ALPHA_BITS else [], False
