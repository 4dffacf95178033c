"""Ways to damage a file: flipped bits, lost, repeated and swapped parts, extreme lengths, foreign headers.

Decoders that compare a checksum first refuse most damage there. In PNG it is computed anew, so that damage passes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Mutation = Callable[[bytes, bytes, np.random.Generator], bytes]
_PNG = b"\x89PNG\r\n\x1a\n"
# Where the length of a part is expected.
_EXTREMES = (0, 1, 2, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


def _flipped(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for at in draw.integers(0, len(data), draw.integers(1, 20)):
        changed[at] ^= 1 << int(draw.integers(8))
    return bytes(changed)


def _header_changed(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    """Most of what a decoder trusts is in the first bytes."""
    changed = bytearray(data)
    for at in draw.integers(0, min(400, len(data)), draw.integers(1, 6)):
        changed[at] = int(draw.choice([0, 1, 0x7F, 0x80, 0xFF, int(draw.integers(256))]))
    return bytes(changed)


def _overwritten(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start, length = int(draw.integers(len(data))), int(draw.integers(1, 64))
    return (data[:start] + draw.bytes(length) + data[start + length :])[: len(data)]


def _cut_off(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    return data[: draw.integers(len(data))]


def _piece_lost(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start = draw.integers(len(data))
    return data[:start] + data[start + draw.integers(1, 200) :]


def _piece_repeated(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start, length = draw.integers(len(data)), draw.integers(1, 200)
    return data[: start + length] + data[start:]


def _inserted(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start = draw.integers(len(data))
    return data[:start] + draw.bytes(int(draw.integers(1, 200))) + data[start:]


def _swapped(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    first, second, third = np.sort(draw.integers(0, len(data) + 1, 3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def _anothers_head(data: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    length = draw.integers(4, 300)
    return other[:length] + data[length:]


def _blanked(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start, length = draw.integers(len(data)), draw.integers(1, 500)
    return (data[:start] + bytes(length) + data[start + length :])[: len(data)]


def _length_extreme(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    """Something that can be a length, since it is no more than the file's, becomes an extreme one."""
    order, size = str(draw.choice(["<", ">"])), int(draw.choice([2, 4, 4, 8]))
    form = order + {2: "H", 4: "I", 8: "Q"}[size]
    for _try in range(200):
        at = int(draw.integers(max(1, min(len(data) - size, 4000))))
        if at + size <= len(data) and 0 < struct.unpack_from(form, data, at)[0] <= len(data):
            break
    value = int(draw.choice(_EXTREMES)) & (256**size - 1)
    return (data[:at] + struct.pack(form, value) + data[at + size :])[: len(data)]


class _Chunk(NamedTuple):
    name: bytes
    data: bytes


def _chunks(png: bytes) -> list[_Chunk]:
    found, at = [], len(_PNG)
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append(_Chunk(png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _png_of(chunks: Sequence[_Chunk]) -> bytes:
    packed = (
        struct.pack(">I", len(c.data)) + c.name + c.data + struct.pack(">I", zlib.crc32(c.name + c.data))
        for c in chunks
    )
    return _PNG + b"".join(packed)


def _png_chunk_changed(data: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    """A chunk with a right checksum and wrong contents."""
    chunks = _chunks(data)
    which = int(draw.integers(len(chunks)))
    name, content = chunks[which]
    if content:
        change = (_flipped, _header_changed, _overwritten, _piece_lost, _inserted)[int(draw.integers(5))]
        chunks[which] = _Chunk(name, change(content, other, draw))
    return _png_of(chunks)


def _png_chunks_moved(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    chunks = _chunks(data)
    moved = chunks.pop(int(draw.integers(len(chunks))))
    for _time in range(int(draw.integers(3))):
        chunks.insert(int(draw.integers(len(chunks) + 1)), moved)
    return _png_of(chunks)


def _png_data_shortened(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    """Compressed pixels that end early, in a chunk with a right length and checksum."""
    chunks = _chunks(data)
    places = [i for i, chunk in enumerate(chunks) if chunk.name == b"IDAT"]
    content = chunks[places[-1]].data
    chunks[places[-1]] = _Chunk(b"IDAT", content[: int(draw.integers(len(content)))])
    return _png_of(chunks)


MUTATIONS: tuple[Mutation, ...] = (
    _flipped,
    _header_changed,
    _overwritten,
    _cut_off,
    _piece_lost,
    _piece_repeated,
    _inserted,
    _swapped,
    _anothers_head,
    _blanked,
    _length_extreme,
)
PNG_MUTATIONS: tuple[Mutation, ...] = (_png_chunk_changed, _png_chunks_moved, _png_data_shortened)
SUFFIXES = [".jpg", ".png", ".tif", ".webp", ".heic", ".txt"]


class Mutant(NamedTuple):
    """A damaged file.

    Attributes:
        data: its content.
        suffix: a file ending that fits it by chance only.
        which: number of the whole file that it was made from.
        how: names of the mutations.
    """

    data: bytes
    suffix: str
    which: int
    how: str

    @property
    def cut(self) -> bool:
        """Whether nothing but its end is missing."""
        return self.how in ("cut_off", "png_data_shortened")


def damaged(number: int, whole: Sequence[bytes], seed: int = 0) -> Mutant:
    """One damaged file; its number and the seed determine everything about it.

    Args:
        number: from 0 on; the files take turns.
        whole: files to damage, such as those of :func:`.whole_files.whole_files`.
        seed: another one gives other damage.
    """
    draw = np.random.default_rng([seed, number])
    which = number % len(whole)
    known = MUTATIONS + PNG_MUTATIONS * whole[which].startswith(_PNG)
    data, how = whole[which], list[str]()
    times = 1 + int(draw.integers(4) == 0)
    for _ in range(times):
        mutation = known[int(draw.integers(len(known)))]
        if mutation in PNG_MUTATIONS and times > 1:  # what was damaged before has no chunks any more
            mutation = _flipped
        data = mutation(data, whole[int(draw.integers(len(whole)))], draw) if data else data
        how.append(mutation.__name__.lstrip("_"))
    return Mutant(data, SUFFIXES[number % len(SUFFIXES)], which, " and ".join(how))
