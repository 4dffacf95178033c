"""Noise that belongs to the places of a picture: every tile, every run and every machine has the same there."""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Random bits of a value, which choose one of as many quantiles.
_BITS = 16
# Places above and to the left of a picture, in its border, begin at -_BEFORE.
_BEFORE = 1 << 20
# Numbers of 64 bits that the generator makes at once; each is a pixel: three values, and 16 bits that are left.
_BLOCK = 4


def noise_field(rows: range, columns: range, seed: int = 0) -> NDArray[np.float32]:
    """Independent values of the normal distribution of mean 0 and deviation 1 for a part of a picture.

    Each depends only on the seed, its row, its column and its channel: parts that overlap agree. They come from Philox,
    a generator that can begin anywhere (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), as
    one of 65,536 evenly likely values, the farthest of which is 4.3.

    Args:
        rows: of the part, with steps of 1; at least -2**20.
        columns: likewise.
        seed: 0 or more, below 2**32.

    Returns:
        (1, 3, rows, columns).
    """
    first = columns.start + _BEFORE
    skipped = first % _BLOCK
    drawn = np.empty((len(rows), skipped + len(columns)), np.uint64)
    for drawn_row, row in zip(drawn, rows, strict=True):
        generator = np.random.Philox(key=[seed, row + _BEFORE], counter=first // _BLOCK)
        drawn_row[:] = generator.random_raw(drawn.shape[1])
    shifts = np.arange(3, dtype=np.uint64)[:, None, None] * np.uint64(_BITS)
    which = (drawn[:, skipped:] >> shifts).astype(np.uint16)
    return _quantiles()[which][None]


@cache
def _quantiles() -> NDArray[np.float32]:
    """Values of the normal distribution in the middle of equally likely parts."""
    count = 1 << _BITS
    upper = [NormalDist().inv_cdf((i + 0.5) / count) for i in range(count // 2, count)]
    return np.array([-value for value in reversed(upper)] + upper, np.float32)
