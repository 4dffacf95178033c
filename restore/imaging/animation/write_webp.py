"""Write animated WebP (RFC 9649, section 2.7)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from restore.errors import ImageError
from restore.imaging.animation.changes import Box, box_around, changed, cut
from restore.imaging.animation.read_webp import chunk, chunks_in
from restore.imaging.animation.timing import Clock
from restore.imaging.encode import EncodeOptions, encode
from restore.imaging.picture import Picture

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_REPLACE = 0x02  # do not blend
_MOST = 2**32 - 2


class WebpWriter:
    """Each frame is the part that changed, and replaces what is there."""

    def __init__(self, held: Picture, plays: int, options: EncodeOptions, background: bytes | None) -> None:
        """Begin a file.

        Args:
            held: of the canvas's size, with the metadata.
            plays: 0 for endlessly.
            options: compression settings.
            background: blue, green, red and alpha; None for transparent.
        """
        self._held, self._options = held, options
        self._before: Picture | None = None
        self._clock = Clock(Fraction(1, 1000), most=2**24 - 1)
        self._alpha = 0
        self._file = io.BytesIO()
        self._file.write(bytes(12) + self._header())
        if held.icc:
            self._file.write(chunk(b"ICCP", held.icc))
        self._file.write(chunk(b"ANIM", (background or bytes(4)) + struct.pack("<H", min(plays, 2**16 - 1))))

    def add(self, picture: Picture, duration: Fraction | None) -> list[Callable[[], bytes]]:
        assert duration is not None
        box = box_around(changed(self._before, picture), step=2)
        self._before = picture
        if picture.alpha is not None:
            self._alpha = _ALPHA
        return [partial(self._pack, cut(picture, box), box, self._clock.units(duration))]

    def finish(self) -> list[Callable[[], bytes]]:
        return []

    def write(self, packed: bytes) -> None:
        self._file.write(packed)
        if self._file.tell() > _MOST:
            raise ImageError("the animation is larger than a WebP file can be (4 GiB): choose --format png")

    def close(self) -> memoryview:
        file = self._file
        for name, content in ((b"EXIF", self._held.exif), (b"XMP ", self._held.xmp)):
            if content:
                self.write(chunk(name, content))
        size = file.tell()
        file.seek(0)
        file.write(b"RIFF" + struct.pack("<I", size - 8) + b"WEBP" + self._header())
        return file.getbuffer()

    def lost(self) -> list[str]:
        return []

    def _pack(self, part: Picture, box: Box, duration: int) -> bytes:
        file = encode(part, ".webp", self._options)
        view = memoryview(file)[12:]
        pixels = [(name, view[at : at + length]) for name, at, length in chunks_in(view)]
        numbers = (box.left // 2, box.top // 2, box.size[1] - 1, box.size[0] - 1, duration)
        place = b"".join(number.to_bytes(3, "little") for number in numbers)
        inner = [chunk(name, content) for name, content in pixels if name in (b"ALPH", b"VP8 ", b"VP8L")]
        return chunk(b"ANMF", b"".join([place, bytes([_REPLACE]), *inner]))

    def _header(self) -> bytes:
        held = self._held
        flags = _ANIMATION | self._alpha
        flags |= (_ICC if held.icc else 0) | (_EXIF if held.exif else 0) | (_XMP if held.xmp else 0)
        sides = b"".join((side - 1).to_bytes(3, "little") for side in held.size[::-1])
        return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)
