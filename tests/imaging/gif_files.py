"""GIF files made by hand, block by block."""

from __future__ import annotations

import numpy as np

PALETTE = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
COLORS = np.frombuffer(PALETTE, np.uint8).reshape(4, 3)


def lzw(indices: list[int]) -> bytes:
    """Codes of 3 bits, with a clear code before each, so that they never grow; 4 is clear, 5 the end."""
    codes = [code for index in indices for code in (4, index)] + [5]
    bits = sum(code << (3 * n) for n, code in enumerate(codes))
    packed = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = b"".join(bytes([len(packed[i : i + 255])]) + packed[i : i + 255] for i in range(0, len(packed), 255))
    return b"\2" + blocks + b"\0"


def extension(label: int, *blocks: bytes) -> bytes:
    return bytes([0x21, label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def frame(indices: list[int], box: tuple[int, int, int, int]) -> bytes:
    """A frame at ``box``: left, top, width, height."""
    place = b"".join(n.to_bytes(2, "little") for n in box)
    return b"," + place + b"\0" + lzw(indices)


def gif(*blocks: bytes, size: tuple[int, int] = (4, 6), background: int = 2) -> bytes:
    screen = size[0].to_bytes(2, "little") + size[1].to_bytes(2, "little") + bytes([0x81, background, 0])
    return b"GIF89a" + screen + PALETTE + b"".join(blocks) + b";"


def control(disposal: int = 0, delay: int = 0, hole: int | None = None) -> bytes:
    """What applies to the next frame; ``delay`` is in hundredths of a second."""
    flags = disposal << 2 | (hole is not None)
    return extension(0xF9, bytes([flags, *delay.to_bytes(2, "little"), hole or 0]))


def transparent(index: int) -> bytes:
    return control(hole=index)


def loops(repeats: int) -> bytes:
    return extension(0xFF, b"NETSCAPE2.0", b"\1" + repeats.to_bytes(2, "little"))
