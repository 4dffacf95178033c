"""Check the LZW data of a TIFF strip (TIFF 6.0, section 13) without decompressing them.

libtiff stops when a strip is full. If the codes stand for more bytes than that, some of them are wrong.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restore.imaging.damage import DamagedError

_CLEAR, _END, _FIRST = 256, 257, 258
# The table is full after as many codes.
_MOST = 4096 - _FIRST + 1


class _Places(NamedTuple):
    """Where the codes after a Clear code are, if the first begins at some bit of a byte.

    Attributes:
        octet: in which each code begins, from that of the first on.
        shift: of the three bytes from there on, so that the code is in the lowest bits.
        ends: bits up to the end of each code, from that byte on.
    """

    octet: NDArray[np.intp]
    shift: NDArray[np.int32]
    ends: NDArray[np.intp]


@functools.cache
def _masks() -> NDArray[np.int32]:
    """The bits of each code after a Clear code. Codes grow one entry early (page 60)."""
    entries = _FIRST - 1 + np.arange(_MOST + 1)
    widths = np.where(entries < 511, 9, np.where(entries < 1023, 10, np.where(entries < 2047, 11, 12)))
    return ((1 << widths) - 1).astype(np.int32)


@functools.cache
def _places(bit: int) -> _Places:
    widths = np.log2(_masks() + 1.0).astype(np.intp)
    ends = bit + np.cumsum(widths)
    begins = ends - widths
    return _Places(begins >> 3, (24 - widths - (begins & 7)).astype(np.int32), ends)


def check(data: bytes, size: int, full_size: int) -> None:
    """Check that the codes are valid and stand for the bytes of a strip.

    Args:
        data: the compressed strip.
        size: its length when decompressed.
        full_size: another length that is right, because some writers fill the last strip up.

    Raises:
        DamagedError: a code is invalid, or the length is wrong.
    """
    if data[:1] == b"\0" and data[1:2] and data[1] & 1:
        return  # bits in the reverse order, by programs of before 1990
    octets = np.frombuffer(data + bytes(3), np.uint8).astype(np.int32)
    windows = octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]
    masks, at, total, code = _masks(), 0, 0, _CLEAR
    while code == _CLEAR and total <= full_size:
        places, octet = _places(at & 7), at >> 3
        count = int(np.searchsorted(places.ends, 8 * (len(data) - octet), side="right"))
        codes = windows[octet:].take(places.octet[:count]) >> places.shift[:count] & masks[:count]
        special = (codes | 1) == _END
        stop = int(special.argmax()) if count else 0
        found = count > 0 and bool(special[stop])
        if not found and count == len(masks):
            return  # a full table without a Clear code is for libtiff to judge
        stop = stop if found else count
        code = int(codes[stop]) if found else _END
        total += _length(codes[:stop])
        if code == _CLEAR and total in (size, full_size):
            return  # some writers clear the table once more behind the last row, and write a code to no purpose
        at = 8 * octet + int(places.ends[stop]) if found else at
    if total < size:
        raise DamagedError("breaks off")
    if total > size and total != full_size:
        raise DamagedError("contains more than its rows")


def _length(codes: NDArray[np.int32]) -> int:
    """How many bytes the codes after a Clear code stand for.

    A code above 257 stands for what an earlier code stands for, and one byte more. Each round of the loop follows twice
    as many of these references as the one before, so there are at most twelve.
    """
    count = len(codes)
    back = np.empty(count + 1, np.intp)
    np.subtract(codes, _FIRST, out=back[:count])
    if (back[:count] >= _order()[:count]).any():
        raise DamagedError("cannot be decompressed")
    back[count] = -1
    back[back < 0] = count  # the last place stands for nothing, and refers to itself
    lengths = np.ones(count + 1, np.intp)
    lengths[count] = 0
    while back.min() < count:
        lengths += lengths.take(back)
        back = back.take(back)
    return int(lengths.sum())


@functools.cache
def _order() -> NDArray[np.intp]:
    return np.arange(_MOST + 1)
