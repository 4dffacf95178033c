"""Decompress fax strips of TIFF files (ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11).

libtiff skips wrong codes, mostly without a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.errors import ImageError
from restore.imaging.damage import DamagedError
from restore.imaging.tiff.fax_codes import LONGEST, Mode, Table, modes, runs

RLE, T4, T6, RLE_WORDS = 2, 3, 4, 32771
# T4Options.
_TWO_DIMENSIONAL = 1
# Zeros before the 1 of an end-of-line code, without fill.
_EOL_ZEROS = 11
# Rows cost time even if they are narrow.
_MOST_ROWS = 500_000


def unpacked(data: bytes, width: int, rows: int, kind: int, options: int, last: bool) -> NDArray[np.uint8]:
    """Decompress a strip.

    Args:
        data: the strip.
        width: pixels per row.
        rows: of the strip.
        kind: the compression: ``RLE``, ``T4``, ``T6`` or ``RLE_WORDS``.
        options: T4Options.
        last: whether the strip may contain further rows, as some writers fill the last strip up.

    Returns:
        (rows, width), 1 where the fax is black.

    Raises:
        DamagedError: a code is wrong, a row does not have its length, or rows are missing.
        ImageError: the strip has uncompressed parts, an extension that nobody uses, or far too many rows.
    """
    if rows > _MOST_ROWS:
        raise ImageError(f"fax compression of more than {_MOST_ROWS:,} rows is not supported: save the file with LZW")
    # No code takes more than a byte for a pixel. What follows the last row would cost memory.
    strip = _Strip(data[: rows * (width + 8) + 64], width)
    changes = strip.rows(rows, kind, options)
    if not last and strip.goes_on(kind):
        raise DamagedError("contains more than its rows")
    return np.bitwise_xor.accumulate(changes, axis=1)[:, :-1]


class _Strip:
    """A strip while it is decompressed. Rows are lists of the positions where the color changes, the first to black.

    Runs of no length stay in them: writers that make such runs count them when they refer to the row above.
    """

    def __init__(self, data: bytes, width: int) -> None:
        bits = np.unpackbits(np.frombuffer(data + bytes(4), np.uint8))
        self._end = 8 * len(data)
        self._bits = bits.tobytes()
        # The number in the LONGEST bits from each bit on.
        words = np.zeros(self._end + 1, np.uint16)
        for n in range(LONGEST):
            words |= bits[n : n + self._end + 1].astype(np.uint16) << np.uint16(LONGEST - 1 - n)
        self._words = words.data
        self._at = 0
        self._width = width
        self._white, self._black = runs()

    def rows(self, rows: int, kind: int, options: int) -> NDArray[np.uint8]:
        """Decompress all rows: (rows, width + 1), 1 where the color changes."""
        changes = np.zeros((rows, self._width + 1), np.uint8)
        above: list[int] = []
        for row in range(rows):
            if self._at >= self._end:
                raise DamagedError(f"ends after {row} of {rows} rows")
            try:
                flat = self._begin_row(kind, options)
                above = self._flat_row() if flat else self._row_below(above)
                seen = self._sound(above)
            except _WrongCodeError as error:
                if self._at >= self._end:
                    raise DamagedError(f"ends after {row} of {rows} rows") from error
                raise DamagedError(f"has wrong codes in row {row + 1} of {rows}") from error
            changes[row, seen] = 1
        return changes

    def goes_on(self, kind: int) -> bool:
        """Whether codes follow that are neither an end nor padding."""
        one = self._bits.find(1, self._at)
        padding = self._end - self._at <= 16
        return 0 <= one < self._end and not padding and (one - self._at < _EOL_ZEROS or kind in (RLE, RLE_WORDS))

    def _begin_row(self, kind: int, options: int) -> bool:
        """Go to the codes of the next row. Whether they stand alone, without the row above."""
        if kind == T6:
            return False
        if kind != T4:
            unit = 16 if kind == RLE_WORDS else 8
            self._at = -(-self._at // unit) * unit
            return True
        one = self._bits.find(1, self._at)
        if one - self._at < _EOL_ZEROS:
            if options & _TWO_DIMENSIONAL:
                raise _WrongCodeError
            return True  # some writers leave the end-of-line codes out
        self._at = one + 1
        if not options & _TWO_DIMENSIONAL:
            return True
        self._at += 1
        return self._bits[one + 1] == 1

    def _flat_row(self) -> list[int]:
        """The changes of a row of runs."""
        found, position, color = [], 0, 0
        while position < self._width:
            position += self._run(color)
            found.append(position)
            color ^= 1
        return found

    def _row_below(self, above: list[int]) -> list[int]:
        """The changes of a row that is described by the row above."""
        width, table, words = self._width, modes(), self._words
        reference = [*above, width, width, width, width]
        found: list[int] = []
        position, color, index = -1, 0, 0
        while position < width:
            # The next change in the row above that is right of here, and to the color that this row does not have.
            while reference[index] <= position and reference[index] < width:
                index += 2
            if self._at >= self._end:
                raise _WrongCodeError
            length, mode = table[words[self._at]]
            if not length:
                raise _WrongCodeError
            self._at += length
            if mode == Mode.PASS:
                position = reference[index + 1]
                continue
            if mode == Mode.HORIZONTAL:
                for _ in range(2):
                    position = max(position, 0) + self._run(color)
                    found.append(position)
                    color ^= 1
                continue
            if mode == Mode.EXTENSION:
                if self._at - length + 12 > self._end or words[self._at - length] >> 1 == 1:
                    raise _WrongCodeError
                raise ImageError("uncompressed parts in fax compression are not supported: save the file with LZW")
            change = reference[index] + mode
            if change < max(position, 0):
                raise _WrongCodeError
            position = change
            found.append(position)
            color ^= 1
            index = index - 1 if index else 1
        return found

    def _run(self, color: int) -> int:
        """The length of the run whose codes come next."""
        table: Table = self._black if color else self._white
        total, run = 0, 64
        while run >= 64:
            if self._at >= self._end:
                raise _WrongCodeError
            length, run = table[self._words[self._at]]
            if not length:
                raise _WrongCodeError
            self._at += length
            total += run
        return total

    def _sound(self, found: list[int]) -> list[int]:
        """The changes without runs of no length, if they are within the row."""
        kept: list[int] = []
        for position in found:
            if kept and kept[-1] == position:
                kept.pop()
            else:
                kept.append(position)
        if kept and kept[-1] == self._width:
            kept.pop()
        if (kept and kept[-1] > self._width) or self._at > self._end:
            raise _WrongCodeError
        return kept


class _WrongCodeError(Exception):
    """A code word that does not exist or does not fit here."""
