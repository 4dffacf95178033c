"""Palettes of JPEG 2000 files (ISO/IEC 15444-1, I.5.3.4 to I.5.3.6), of which Pillow reads only some, and some wrongly.

It leaves out colors that occur twice, so that those behind them move up, and ignores alpha, the order of the channels
and all depths but 8 bits.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.errors import ImageError
from restore.imaging.boxes import boxes, inside
from restore.imaging.picture import Samples

_DIRECT = 0  # how a channel is made: not by the palette
_COLOR, _OPACITY = 0, 1
_ENUMERATED, _SPACES = 1, frozenset({16, 17})  # sRGB, gray
_CURE = "save it as PNG or TIFF in a program that opens it"
_BROKEN = f"damaged picture: its palette cannot be read: {_CURE}"


class _Palette(NamedTuple):
    """One column of samples for each channel, 8 or 16 bits, and which of them is alpha."""

    columns: Samples
    alpha: int | None


def mapped(image: Image.Image, data: bytes, bits: int) -> tuple[Samples, Samples | None] | None:
    """Pixels (H, W, 1 or 3) and alpha (H, W) of a file with a palette; None if it has none.

    Args:
        image: as loaded by Pillow.
        data: bytes of the file.
        bits: per index.

    Raises:
        ImageError: the palette is damaged, or of a kind that is not supported.
    """
    palette = _read(data)
    if palette is None:
        return None
    if image.mode not in ("L", "P") or bits > 8:
        raise ImageError(f"JPEG 2000 with a palette beside other channels is not supported: {_CURE}")
    indices = np.asarray(image) >> (8 - bits)  # Pillow scales them to 8 bits
    columns = palette.columns
    if indices.size and indices.max() >= len(columns):
        raise ImageError(f"damaged picture: it uses colors that its palette lacks: {_CURE}")
    colors = [n for n in range(columns.shape[1]) if n != palette.alpha]
    alpha = None if palette.alpha is None else columns[:, palette.alpha][indices]
    return columns[:, colors][indices], alpha


def _read(data: bytes) -> _Palette | None:
    head = inside(data, b"jp2h") if data[4:8] == b"jP  " else None
    every = [] if head is None else list(boxes(data, head.start, head.stop))
    found = {box.kind: data[box.start : box.stop] for box in reversed(every)}  # the first of each kind counts
    if b"pclr" not in found:
        return None
    try:
        columns = _columns(found[b"pclr"])
        content = found[b"cmap"]
        channels = [struct.unpack_from(">HBB", content, at) for at in range(0, len(content), 4)]
        places = {channel: (kind, color) for channel, kind, color in _definitions(found.get(b"cdef", b""))}
        method, space = struct.unpack_from(">BxxI", found.get(b"colr", b"").ljust(7, b"\0"))
        if any(kind == _DIRECT or component for component, kind, _ in channels):
            raise ImageError(f"JPEG 2000 with a palette beside other channels is not supported: {_CURE}")
        columns = columns[:, [column for _, _, column in channels]]
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise ImageError(_BROKEN) from error
    kinds = [places.get(number, (_COLOR, number + 1)) for number in range(len(channels))]
    colors = sorted((color, number) for number, (kind, color) in enumerate(kinds) if kind == _COLOR)
    alpha = [number for number, (kind, _) in enumerate(kinds) if kind == _OPACITY]
    known = method != _ENUMERATED or space in _SPACES
    if len(colors) not in (1, 3) or len(alpha) > 1 or len(colors) + len(alpha) < len(kinds) or not known:
        raise ImageError(f"JPEG 2000 with such a palette is not supported (only RGB and gray are): {_CURE}")
    order = [number for _, number in colors] + alpha
    return _Palette(columns[:, order], len(colors) if alpha else None)


def _definitions(content: bytes) -> list[tuple[int, int, int]]:
    """The number of each channel, its kind, and the number of its color, from 1."""
    return [struct.unpack_from(">HHH", content, at) for at in range(2, len(content), 6)]


def _columns(content: bytes) -> Samples:
    count, across = struct.unpack_from(">HB", content)
    depths = [depth + 1 for depth in struct.unpack_from(f"{across}B", content, 3)]
    if not count or not across or max(depths) > 16:  # the highest bit stands for signed samples
        raise ValueError
    row = np.dtype([(f"f{n}", ">u2" if depth > 8 else "u1") for n, depth in enumerate(depths)])
    values = np.frombuffer(content, row, count, 3 + across)
    wide = np.stack([values[f"f{n}"] / (2**depth - 1) for n, depth in enumerate(depths)], axis=1).clip(0, 1)
    most = 255 if max(depths) <= 8 else 65_535
    scaled: NDArray[np.float64] = np.rint(wide * most)
    return scaled.astype(np.uint8 if most == 255 else np.uint16)
