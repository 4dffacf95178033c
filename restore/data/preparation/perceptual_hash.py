"""A 64-bit hash that survives compression and resizing, and groups of photographs whose hashes are close.

The signs of the low frequencies of a reduced picture: Zauner, "Implementation and benchmarking of perceptual image hash
functions", 2010 (the DCT hash).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

# Side of the reduced picture, and of the square of its lowest frequencies.
_SIDE, _KEPT = 32, 8
# Hashes that differ in at most this many bits belong together. They then agree in one of four parts of 16 bits, so only
# hashes with a part in common are compared.
CLOSE = 3
_PART = 16
# Hashes with the same part that are compared with each other; more only occur in sets made to be slow.
_MOST = 2000


def perceptual_hash(gray: NDArray[np.float32]) -> int:
    """The hash of a picture.

    Args:
        gray: luma (H, W), 0..255.
    """
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_KEPT, :_KEPT].flatten()
    low[0] = 0  # the mean is only the exposure
    # Frequencies that are not there must not give random bits.
    bits = low > max(float(np.median(low)), 1e-3)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def similar_groups(hashes: Sequence[int]) -> list[list[int]]:
    """Indices of photographs whose hashes differ in at most :data:`CLOSE` bits, directly or through others.

    Hashes with hardly any bit set, as of flat pictures, are left out: they say nothing.
    """
    known = {value for value in hashes if value.bit_count() > CLOSE}
    parent = {value: value for value in known}

    def root(value: int) -> int:
        while parent[value] != value:
            parent[value] = parent[parent[value]]
            value = parent[value]
        return value

    shares: dict[tuple[int, int], list[int]] = defaultdict(list)
    for value in sorted(known):
        for part in range(64 // _PART):
            shares[part, value >> part * _PART & (1 << _PART) - 1].append(value)
    for some in shares.values():
        for a, b in combinations(some[:_MOST], 2):
            if (a ^ b).bit_count() <= CLOSE:
                parent[root(a)] = root(b)
    return _groups([root(value) if value in known else None for value in hashes])


def equal_groups(keys: Sequence[str]) -> list[list[int]]:
    """Indices of the items with the same key; empty keys are left out."""
    return _groups([key or None for key in keys])


def _groups(keys: Sequence[Hashable | None]) -> list[list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            found[key].append(index)
    return [group for group in found.values() if len(group) > 1]
