"""Chunks of a PNG file: which are whole, and a file of those alone that decoders need.

Decoders refuse a picture for a damaged comment, and pass one whose data end early. So the chunks are checked here:
critical ones as strictly as libpng does, while a damaged ancillary one is dropped. (PNG specification, third edition,
clauses 5, 11 and 13.)
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from restore.imaging.png.writer import PNG_SIGNATURE, png_chunk

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
_DEPTHS = {GRAY: (1, 2, 4, 8, 16), PALETTE: (1, 2, 4, 8)}
# Passes of Adam7: first column, first row, and the steps.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

_KNOWN = frozenset({b"tRNS", b"pHYs", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI", b"eXIf"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_SIZES = {b"pHYs": 9, b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"mDCV": 24, b"cLLI": 8}
# A picture of 8 GB in chunks of the usual 8 KB has as many.
_MOST_CHUNKS = 2**20
_MOST_TEXTS = 1000
_MOST_NAMED = 4
_SURPLUS = "surplus image data ignored"

# Rows up to this many bytes are kept once inflated, so that the decoders need not inflate them again.
_KEPT = 2**27
_PIECE = 2**15  # of input: what a decompressor leaves of a piece is copied
_SURPLUS_READ = 1024  # inflated bytes behind the last row, in search of the end
_BLOCK = 2**16 - 1  # of output: what a block that is not compressed can hold

Data = bytes | mmap.mmap


class Chunk(NamedTuple):
    """An ancillary chunk with the right checksum."""

    name: bytes
    content: bytes


@dataclass
class Chunks:
    """A PNG file's chunks.

    Attributes:
        width: in pixels.
        height: in pixels.
        bits: per sample, 1, 2, 4, 8 or 16.
        color: the color type.
        interlaced: whether the pixels are stored in seven passes.
        palette: content of PLTE, for the palette type alone.
        ancillary: the first chunk of each name that this program knows, apart from text.
        text: tEXt, zTXt and iTXt, in the file's order.
        data: contents of the IDAT chunks.
        frames: whether there are frames of an animation besides the picture.
        notes: for the user, on what was dropped.
    """

    width: int
    height: int
    bits: int
    color: int
    interlaced: bool
    palette: bytes = b""
    ancillary: dict[bytes, bytes] = field(default_factory=dict)
    text: list[Chunk] = field(default_factory=list)
    data: list[memoryview] = field(default_factory=list)
    frames: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def is_gray(self) -> bool:
        """Whether the samples are gray levels, with or without alpha."""
        return self.color in (GRAY, GRAY_ALPHA)


def is_png(data: Data) -> bool:
    """Whether a file with this beginning is PNG."""
    return data[:8] == PNG_SIGNATURE


def parse(data: Data, header_only: bool = False) -> Chunks:
    """The chunks of a PNG file.

    Args:
        data: the file.
        header_only: stop at the pixels, whose chunks are then left out.

    Raises:
        ValueError: the file ends before IEND, or a critical chunk is damaged, missing or unknown.
    """
    read: Chunks | None = None
    damaged: dict[bytes, None] = {}
    surplus = texts = 0
    last = b""
    view = data if header_only else memoryview(data)
    for name, at, length in walk(data):
        critical = not name[0] & 0x20
        read_at_all = critical or name in _KNOWN or name in _TEXT
        if (read is None) != (name == b"IHDR"):
            raise ValueError("its IHDR chunk is missing" if read is None else "it has two IHDR chunks")
        if header_only and name == b"IDAT":
            break
        stop = at + length
        if read_at_all and zlib.crc32(view[at - 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            if critical:
                raise ValueError(f"wrong checksum in its {name.decode()} chunk")
            damaged[name] = None
            continue
        if read is None:
            read = _header(bytes(view[at:stop]))
        elif name == b"IDAT":
            if read.data and last != name:
                surplus += 1
                continue
            read.data.append(memoryview(view[at:stop]))
        elif name == b"PLTE":
            _set_palette(read, bytes(view[at:stop]))
        elif name in _TEXT:
            texts += 1
            if texts <= _MOST_TEXTS:
                read.text.append(Chunk(name, bytes(view[at:stop])))
        elif name in _KNOWN:
            if length != _SIZES.get(name, length):
                damaged[name] = None
            else:
                read.ancillary.setdefault(name, bytes(view[at:stop]))
        elif name == b"fdAT":
            read.frames = True
        elif critical and name != b"IEND":
            raise ValueError(f"it needs a decoder that knows its {name.decode()} chunk")
        last = name
    if read is None or (read.color == PALETTE and not read.palette):
        raise ValueError("its IHDR chunk is missing" if read is None else "its palette is missing")
    if not read.data and not header_only:
        raise ValueError("it has no image data")
    if damaged:
        read.notes.append(f"damaged {_listed(damaged)} dropped")
    if surplus:
        read.notes.append(_SURPLUS)
    if texts > _MOST_TEXTS:
        read.notes.append(f"{texts - _MOST_TEXTS} of {texts} PNG texts dropped")
    _check_transparency(read)
    return read


def for_decoders(chunks: Chunks) -> bytes:
    """A PNG file of the same pixels, without anything that a decoder might stumble over.

    Raises:
        ValueError: the image data are damaged or too few.
    """
    header = struct.pack(
        ">IIBBBBB", chunks.width, chunks.height, chunks.bits, chunks.color, 0, 0, 1 if chunks.interlaced else 0
    )
    file: list[bytes | memoryview] = [PNG_SIGNATURE, png_chunk(b"IHDR", header)]
    if chunks.color == PALETTE:
        # Indices beyond the palette are black in libpng; other decoders invent colors.
        file.append(png_chunk(b"PLTE", chunks.palette.ljust(3 << chunks.bits, b"\0")))
    if b"tRNS" in chunks.ancillary:
        file.append(png_chunk(b"tRNS", _transparency(chunks)))
    if b"pHYs" in chunks.ancillary:
        file.append(png_chunk(b"pHYs", chunks.ancillary[b"pHYs"]))
    return b"".join([*file, *_image_data(chunks), png_chunk(b"IEND", b"")])


def walk(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk, to IEND.

    Raises:
        ValueError: the file ends before, or a chunk is none.
    """
    at, name, end, count = len(PNG_SIGNATURE), b"", len(data), 0
    while name != b"IEND":
        count += 1
        if count > _MOST_CHUNKS:
            raise ValueError(f"it has more than {_MOST_CHUNKS:,} chunks")
        if at + 12 > end:
            raise ValueError("the file is truncated")
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if not name.isalpha():
            raise ValueError(f"there is no chunk where one should begin, at byte {at}")
        if at + 12 + length > end:
            raise ValueError("the file is truncated")
        yield name, at + 8, length
        at += 12 + length


def _header(content: bytes) -> Chunks:
    if len(content) != 13:
        raise ValueError("its IHDR chunk has a wrong length")
    width, height, bits, color, compression, filtering, interlacing = struct.unpack(">IIBBBBB", content)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise ValueError(f"it claims {width} x {height} pixels")
    if color not in _CHANNELS or bits not in _DEPTHS.get(color, (8, 16)):
        raise ValueError(f"it claims {bits} bits of color type {color}")
    if compression or filtering or interlacing > 1:
        raise ValueError("it claims an unknown compression, filter or interlacing")
    return Chunks(width, height, bits, color, bool(interlacing))


def _set_palette(read: Chunks, content: bytes) -> None:
    if read.color != PALETTE or read.palette:
        return  # a suggestion for displays of few colors, or an illegal second one
    if not content or len(content) % 3 or len(content) > 3 * 256:
        raise ValueError(f"its palette has {len(content)} bytes")
    read.palette = content[: 3 << read.bits]


def _check_transparency(read: Chunks) -> None:
    """Drop a tRNS chunk that does not fit the color type."""
    found = read.ancillary.get(b"tRNS")
    wanted = {GRAY: 2, RGB: 6}.get(read.color)
    fits = found is None or len(found) == wanted or (read.color == PALETTE and 0 < len(found) <= len(read.palette) // 3)
    if not fits:
        del read.ancillary[b"tRNS"]
        read.notes.append("transparency dropped: it does not fit the pixels")


def _transparency(chunks: Chunks) -> bytes:
    """Content of tRNS in terms of the pixels as Pillow returns them: 1 to 4 bits are stretched to 8."""
    content = chunks.ancillary[b"tRNS"]
    if chunks.color == PALETTE:
        return content
    most = 2**chunks.bits - 1  # further bits of the key do not count (clause 11.3.1.1)
    key = [int(n) & most for n in struct.unpack(f">{len(content) // 2}H", content)]
    if chunks.bits < 8:
        key = [n * 255 // most for n in key]
    return struct.pack(f">{len(key)}H", *key)


def _listed(names: Iterable[bytes]) -> str:
    shown = [name.decode() for name in names]
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return f"{', '.join(shown[:_MOST_NAMED])}{more} {'chunk' if len(shown) == 1 else 'chunks'}"


def _bytes_of_rows(chunks: Chunks) -> int:
    """Size of the inflated image data: in each pass, every row has a filter byte before its samples."""
    per_pixel = _CHANNELS[chunks.color] * chunks.bits
    passes = _ADAM7 if chunks.interlaced else ((0, 0, 1, 1),)
    total = 0
    for column, row, right, down in passes:
        width, height = -((column - chunks.width) // right), -((row - chunks.height) // down)
        if width > 0 and height > 0:
            total += height * (1 + (width * per_pixel + 7) // 8)
    return total


def _image_data(chunks: Chunks) -> list[bytes | memoryview]:
    """The image data as IDAT chunks, in pieces; not compressed unless they are large.

    Raises:
        ValueError: they are damaged, too few, or do not end. Surplus data are only noted, as in libpng.
    """
    left = _bytes_of_rows(chunks)
    kept: list[bytes] | None = [b"IDAT\x78\x01"] if left <= _KEPT else None
    inflater, checksum = zlib.decompressobj(), 1
    surplus = 0
    for piece in _pieces(chunks.data):
        rest: bytes | memoryview = piece
        while rest and not inflater.eof and surplus < _SURPLUS_READ:
            try:
                rows = inflater.decompress(rest, min(left, _BLOCK) or _SURPLUS_READ)
            except zlib.error as error:
                raise ValueError("its image data are damaged") from error
            rest = inflater.unconsumed_tail
            if left == 0:
                surplus += len(rows)
            elif rows:
                left -= len(rows)
                if kept is not None:
                    checksum = zlib.adler32(rows, checksum)
                    kept += [struct.pack("<BHH", 0, len(rows), len(rows) ^ 0xFFFF), rows]
        if inflater.eof and (inflater.unused_data or rest):
            surplus = _SURPLUS_READ
        if surplus >= _SURPLUS_READ:
            break
    if left:
        raise ValueError("its image data end before its last row")
    if not inflater.eof and surplus < _SURPLUS_READ:
        raise ValueError("its image data have no end")
    if surplus and _SURPLUS not in chunks.notes:
        chunks.notes.append(_SURPLUS)
    if kept is None:
        return [png_chunk(b"IDAT", part) for part in chunks.data]
    kept.append(struct.pack("<BHH", 1, 0, 0xFFFF) + struct.pack(">I", checksum))
    length = sum(map(len, kept)) - 4
    return [struct.pack(">I", length), *kept, struct.pack(">I", _crc32(kept))]


def _crc32(parts: Iterable[bytes]) -> int:
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return checksum


def _pieces(data: Iterable[memoryview]) -> Iterator[memoryview]:
    for part in data:
        for at in range(0, len(part), _PIECE):
            yield part[at : at + _PIECE]
