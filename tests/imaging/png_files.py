"""PNG files made by hand, chunk by chunk."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Chunk = tuple[bytes, bytes]
GRAY, RGB, PALETTE = 0, 2, 3


def chunk(name: bytes, content: bytes, damaged: bool = False) -> bytes:
    checksum = zlib.crc32(name + content) ^ damaged
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(
    rows: Sequence[bytes],
    width: int,
    bits: int = 8,
    color: int = RGB,
    chunks: Sequence[Chunk] = (),
    after: Sequence[Chunk] = (),
    data: bytes | None = None,
    damaged: frozenset[bytes] = frozenset(),
    interlaced: bool = False,
    height: int | None = None,
) -> bytes:
    """A file of unfiltered rows.

    Args:
        chunks: before the pixels.
        after: behind them.
        data: image data to use instead of those of the rows.
        damaged: names of the chunks whose checksum is wrong.
    """
    header = struct.pack(">IIBBBBB", width, height or len(rows), bits, color, 0, 0, interlaced)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows)) if data is None else data
    every = [(b"IHDR", header), *chunks, (b"IDAT", packed), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content, name in damaged) for name, content in every)


def pixels(height: int = 8, width: int = 6) -> np.ndarray:
    """RGB, different in every channel and row; no row is black."""
    y, x = np.mgrid[:height, :width]
    return np.stack([20 * x + y + 5, 9 * y + 3, 255 - 7 * x - y], -1).astype(np.uint8)


def rgb(chunks: Sequence[Chunk] = (), **options: object) -> bytes:
    """A file of :func:`pixels`."""
    values = pixels()
    return png([row.tobytes() for row in values], values.shape[1], chunks=chunks, **options)


def gray(chunks: Sequence[Chunk] = (), **options: object) -> bytes:
    """A file of the first channel of :func:`pixels`."""
    values = pixels()[..., 0]
    return png([row.tobytes() for row in values], values.shape[1], color=GRAY, chunks=chunks, **options)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "x.png"
    path.write_bytes(data)
    return path
