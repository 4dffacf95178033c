"""Write a JPEG file strip by strip, for pictures of which no second copy fits into memory.

Each strip is encoded by itself. Behind a restart marker a decoder begins anew, just as at the beginning of a file
(ITU-T T.81, E.1.4), so the strips' compressed data with these markers between them are one scan.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from restore.imaging.jpeg.segments import EOI, FRAMES, SOS, segment, segments
from restore.imaging.picture import Samples

# A whole number of blocks at any sampling; at JPEG's greatest width, its blocks are still counted in 16 bits.
_LINES = 64
_DRI, _RST0 = 0xDD, 0xD0
_END = bytes([0xFF, EOI])


def encode_by_strips(pixels: Samples, block: int, encode: Callable[[Samples], bytes | memoryview]) -> bytes:
    """Encode a picture without a copy of it; any decoder gives the pixels that ``encode`` would give at once.

    Args:
        pixels: (H, W, channels).
        block: side of the squares of pixels that are compressed together: 16 if color has half the resolution, else 8.
        encode: makes a baseline JPEG file of some lines, with the same tables for all.
    """
    height, width = pixels.shape[:2]
    strips = (pixels[top : top + _LINES] for top in range(0, height, _LINES))
    interval = -(-width // block) * (_LINES // block)
    return b"".join(_joined(map(encode, strips), height, interval))


def _joined(strips: Iterable[bytes | memoryview], height: int, interval: int) -> Iterator[bytes]:
    for number, strip in enumerate(strips):
        data = bytes(strip)
        found = segments(data)
        scan = found[-1]
        assert scan.marker == SOS
        assert data.endswith(_END)
        if number == 0:
            frame = next(each for each in found if each.marker in FRAMES)
            yield data[: frame.start + 1] + struct.pack(">H", height) + data[frame.start + 3 : scan.start - 4]
            yield segment(_DRI, struct.pack(">H", interval))
            yield data[scan.start - 4 : -len(_END)]
        else:
            yield bytes([0xFF, _RST0 + (number - 1) % 8])
            yield data[scan.stop : -len(_END)]
    yield _END
