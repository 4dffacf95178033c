"""Write APNG (PNG specification, third edition, clause 11.3.6)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

from restore.imaging.animation.changes import Box, alpha_of, box_around, changed, cut
from restore.imaging.animation.timing import as_ratio
from restore.imaging.encode import EncodeOptions, encode, metadata_of_png
from restore.imaging.picture import Picture
from restore.imaging.png import chunks as png_chunks
from restore.imaging.png.writer import PNG_SIGNATURE, png_chunk, png_metadata

# Header, image data, place and duration of a frame.
_Packed = tuple[bytes, list[memoryview], Box, "Fraction | None"]


class ApngWriter:
    """Each frame is the part that changed, and replaces what is there."""

    def __init__(self, held: Picture, plays: int, options: EncodeOptions, transparent: bool) -> None:
        """Begin a file.

        Args:
            held: of the canvas's size, with the metadata.
            plays: 0 for endlessly.
            options: compression settings.
            transparent: whether the file needs an alpha channel.
        """
        self._held, self._plays, self._options, self._transparent = held, plays, options, transparent
        self._before: Picture | None = None
        self._file = io.BytesIO()
        self._count_at = self._count = self._sequence = 0
        self._has_still = False

    def add(self, picture: Picture, duration: Fraction | None) -> list[Callable[[], _Packed]]:
        if not self._transparent:
            picture = replace(picture, alpha=None)
        elif picture.alpha is None:
            picture = replace(picture, alpha=alpha_of(picture))
        box = box_around(changed(self._before, picture))
        self._before = None if duration is None else picture
        return [partial(self._pack, cut(picture, box), box, duration)]

    def finish(self) -> list[Callable[[], _Packed]]:
        return []

    def write(self, packed: _Packed) -> None:
        header, data, box, duration = packed
        if not self._count_at:
            self._begin(header)
        if duration is not None:
            self._count += 1
            height, width = box.size
            control = struct.pack(">IIII", width, height, box.left, box.top)
            control += struct.pack(">HHBB", *as_ratio(duration), 0, 0)
            self._numbered(b"fcTL", control)
        for part in data:
            if self._has_still:
                self._numbered(b"fdAT", part)
            else:
                self._file.write(png_chunk(b"IDAT", part))
        self._has_still = True

    def close(self) -> memoryview:
        self._file.write(png_chunk(b"IEND", b""))
        self._file.seek(self._count_at)
        self._file.write(self._animation())
        return self._file.getbuffer()

    def lost(self) -> list[str]:
        return []

    def _pack(self, part: Picture, box: Box, duration: Fraction | None) -> _Packed:
        file = encode(part, ".png", self._options)
        view, header, data = memoryview(file), b"", []
        for name, at, length in png_chunks.walk(file):
            if name == b"IHDR":
                header = bytes(view[at : at + length])
            elif name == b"IDAT":
                data.append(view[at : at + length])
        return header, data, box, duration

    def _begin(self, header: bytes) -> None:
        """The first picture always covers the canvas."""
        self._file.write(PNG_SIGNATURE + png_chunk(b"IHDR", header))
        self._file.write(b"".join(png_metadata(metadata_of_png(self._held))))
        self._count_at = self._file.tell()
        self._file.write(self._animation())

    def _animation(self) -> bytes:
        return png_chunk(b"acTL", struct.pack(">II", self._count, min(self._plays, 2**31 - 1)))

    def _numbered(self, name: bytes, content: bytes | memoryview) -> None:
        self._file.write(png_chunk(name, struct.pack(">I", self._sequence) + content))
        self._sequence += 1
